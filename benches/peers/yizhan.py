"""This engine: `yizhan bench`, built from this tree."""
import json, os, subprocess
from measuring import ROOT, Meter, Skipped, target

NAME = "Yizhan"
PROMISE = "fsync before every promise; signed by the office, closed to the recipient, receipts from every hop, each chain verified offline"
CONCURRENCY = 64


def measure(size, hops, seconds, base, batch=1):
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "--bin", "yizhan"], check=True, cwd=ROOT)
    program = os.path.join(target(), "release", "yizhan")
    argv = [program, "bench", "throughput", "--json", "--hops", str(hops), "--size", str(size), "--seconds", str(seconds),
            "--batch", str(batch), "--concurrency", str(CONCURRENCY if batch == 1 else 4)]
    meter = Meter()
    done = subprocess.run(argv + (["--folder", base] if base else []), capture_output=True, text=True)
    if done.returncode == 2 and batch > 1:
        raise Skipped(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    said = json.loads(done.stdout)
    documents = said["documents"]
    if not documents == said["delivered"] == said["chains_verified"]:
        raise RuntimeError(f"not everything was delivered and verified: {said}")
    # The auditor worked after the clock had stopped: the processes' own time is what the documents cost.
    result = meter.result(documents, documents / said["docs_per_s"], in_flight=said["concurrency"] * batch)
    return dict(result, cpu_us_per_doc=said["cpu_us_per_doc"], rss_mb=said["rss_mb"])
