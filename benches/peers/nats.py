"""NATS JetStream, file storage: publisher (acks) -> A -> leaf node over mutual TLS -> B's stream sources A's [-> C's stream sources B's]."""
import json, os, shutil, socket, subprocess, time
from measuring import Meter, await_port, certificates, driver, folder, free_ports, install, start, stop_all

NAME = "NATS JetStream"
PROMISE = "acknowledges without fsync: a power cut can lose what was acknowledged; TLS per hop; nothing signed, closed or receipted"
IN_FLIGHT = 256


def ask(port, subject, body):
    """One request to the API of JetStream."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        lines = connection.makefile("rb")
        lines.readline()
        text, box = json.dumps(body).encode(), b"_IN.%d" % time.time_ns()
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB %s 1\r\nPUB %s %s %d\r\n%s\r\nPING\r\n'
                           % (box, subject.encode(), box, len(text), text))
        while line := lines.readline():
            if line.startswith(b"MSG"):
                answer = json.loads(lines.read(int(line.split()[-1])))
                if "error" in answer:
                    raise RuntimeError(str(answer["error"]))
                return answer
    raise RuntimeError("NATS closed the connection")


def measure(size, hops, seconds, base):
    install("nats-server", "nats-server")
    load = driver("nats-load")
    place = folder("nats", base)
    try:
        certificates(place)
        count = hops + 1
        ports, leaves = free_ports(count), free_ports(count)
        tls = f'cert_file: "{place}/node.pem", key_file: "{place}/node.key", ca_file: "{place}/ca.pem"'
        for node in range(count):
            remote = f'remotes: [{{url: "tls://localhost:{leaves[node - 1]}", tls: {{{tls}}}}}]' if node else ""
            with open(f"{place}/{node}.conf", "w") as out:
                out.write(f'listen: 127.0.0.1:{ports[node]}\nserver_name: n{node}\n'
                          f'jetstream: {{store_dir: "{place}/{node}", domain: n{node}, max_file_store: 50GB, max_memory_store: 1GB}}\n'
                          f'leafnodes: {{listen: "127.0.0.1:{leaves[node]}", tls: {{{tls}, verify: true}}, {remote}}}\n')
            start(["nats-server", "-c", f"{place}/{node}.conf"], f"{place}/{node}.log")
            await_port(ports[node])
        time.sleep(1.5)
        for node in range(count):
            stream = {"name": f"DOCS{node}", "storage": "file", "retention": "limits", "num_replicas": 1, "max_age": 0, "discard": "old"}
            if node:
                stream["sources"] = [{"name": f"DOCS{node - 1}", "external": {"api": f"$JS.n{node - 1}.API", "deliver": ""}}]
            else:
                stream["subjects"] = ["docs.*"]
            ask(ports[node], f"$JS.API.STREAM.CREATE.DOCS{node}", stream)
        time.sleep(1.5)
        meter = Meter()
        done = subprocess.run([load, f"nats://127.0.0.1:{ports[0]}", f"nats://127.0.0.1:{ports[-1]}", f"DOCS{hops}", "docs.x", str(size),
                               str(IN_FLIGHT), str(seconds)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        said = json.loads(done.stdout)
        return meter.result(said["documents"], said["delivered_s"], in_flight=IN_FLIGHT)
    finally:
        stop_all()
        shutil.rmtree(place, ignore_errors=True)
