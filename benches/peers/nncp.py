"""NNCP: nncp-file (signs, closes, spools) -> nncp-call and nncp-daemon -> nncp-toss (verifies, opens), one stage after the other."""
import glob, os, re, shutil, subprocess, time
from measuring import Meter, await_count, await_port, folder, free_ports, install, start, stop, stop_all

NAME = "NNCP"
PROMISE = "signs and closes every packet end to end and fsyncs it; no receipt in this run (nncp-ack, which halves it)"
PACKET = re.compile(r"^[A-Z2-7]{52}$")
CALIBRATION = 100
KEYS = ("id", "exchpub", "exchprv", "signpub", "signprv", "noiseprv", "noisepub")


def quiet(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def keys():
    text = subprocess.run(["nncp-cfgnew", "-nocomments"], capture_output=True, text=True, check=True).stdout
    return {key: re.search(rf"\b{key}: (\S+)", text).group(1) for key in KEYS}


def configure(place, hops, ports):
    nodes = range(hops + 1)
    known = [keys() for _ in nodes]
    for node in nodes:
        text = f"{{\n spool: {place}/{node}/spool\n log: {place}/{node}/log\n self: {{\n"
        text += "".join(f"  {key}: {value}\n" for key, value in known[node].items()) + " }\n neigh: {\n"
        for other in nodes:
            text += f"  {'self' if other == node else f'n{other}'}: {{\n"
            text += "".join(f"   {key}: {known[other][key]}\n" for key in ("id", "exchpub", "signpub", "noisepub"))
            if other != node:
                text += f'   incoming: "{place}/{node}/in"\n'
                # Who is further away is reached through those between, the nearest to the destination first.
                between = range(node + 1, other) if node < other else range(node - 1, other, -1)
                via = ", ".join(f'"n{relay}"' for relay in reversed(between))
                text += f"   via: [{via}]\n" if via else f'   addrs: {{lo: "127.0.0.1:{ports[other]}"}}\n'
            text += "  }\n"
        os.makedirs(f"{place}/{node}/in")
        with open(f"{place}/{node}/cfg.hjson", "w") as out:
            out.write(text + " }\n}\n")


def packets(place, node, box):
    return sum(1 for path in glob.glob(f"{place}/{node}/spool/*/{box}/*") if PACKET.match(os.path.basename(path)))


def send(place, ports, hops, size, documents):
    for node in range(hops + 1):
        for name in ("spool", "in"):
            shutil.rmtree(f"{place}/{node}/{name}", ignore_errors=True)
            os.makedirs(f"{place}/{node}/{name}")
    with open(f"{place}/document", "wb") as out:
        out.write(os.urandom(size))
    config = lambda node: f"{place}/{node}/cfg.hjson"
    for node in range(1, hops + 1):
        start(["nncp-daemon", "-quiet", "-cfg", config(node), "-bind", f"127.0.0.1:{ports[node]}"], f"{place}/{node}/dlog")
        await_port(ports[node])
    meter = Meter()
    subprocess.run(f"seq 1 {documents} | xargs -P 2 -I@ nncp-file -quiet -noprogress -cfg {config(0)} {place}/document n{hops}:d@",
                   shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for node in range(hops):
        call = start(["nncp-call", "-quiet", "-noprogress", "-cfg", config(node), f"n{node + 1}"], f"{place}/{node}/clog")
        # The call stays on line for a while after the last packet; all are over when the sender's spool is empty.
        over = lambda: documents if packets(place, node, "tx") == 0 else packets(place, node + 1, "rx")
        await_count(lambda: min(over(), packets(place, node + 1, "rx")), documents)
        quiet("nncp-toss", "-quiet", "-noprogress", "-cfg", config(node + 1))
        if node + 1 == hops:
            result = meter.result(documents, time.monotonic() - meter.began, in_flight=2)
        stop(call)
    there = entries_of(place, hops)
    stop_all()
    if there != documents:
        raise RuntimeError(f"{there} of {documents} arrived")
    return result


def entries_of(place, node):
    return len(os.listdir(f"{place}/{node}/in"))


def measure(size, hops, seconds, base):
    install("nncp-file", "nncp")
    place = folder("nncp", base)
    try:
        ports = free_ports(hops + 1)
        configure(place, hops, ports)
        first = send(place, ports, hops, size, CALIBRATION)
        return send(place, ports, hops, size, max(CALIBRATION, int(first["docs_per_s"] * seconds)))
    finally:
        stop_all()
        shutil.rmtree(place, ignore_errors=True)
