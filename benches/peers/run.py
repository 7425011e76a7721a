#!/usr/bin/env python3
"""This engine and what could be taken instead, one after the other on this machine, and the ratios between them.

All traffic is on loopback; each peer gets a folder of its own, starts its own daemons and stops them. What is missing is installed from
Debian and the Rust registry, which takes root. Machines are noisy: compare within one run."""
import argparse, json, platform, os, subprocess, sys
import measuring
import nats, nncp, postfix, rabbitmq, yizhan

PEERS = {
    "yizhan": (yizhan.NAME + ", batch 1", yizhan.PROMISE, yizhan.measure),
    "yizhan64": (yizhan.NAME + ", batch 64", yizhan.PROMISE, lambda *what: yizhan.measure(*what, batch=64)),
    "rabbitmq": (rabbitmq.NAME, rabbitmq.PROMISE, rabbitmq.measure),
    "nats": (nats.NAME, nats.PROMISE, nats.measure),
    "postfix": (postfix.NAME, postfix.PROMISE, postfix.measure),
    "nncp": (nncp.NAME, nncp.PROMISE, nncp.measure),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="how long each is loaded [20]")
    parser.add_argument("--size", type=int, default=4096, help="bytes of content of each document [4096]")
    parser.add_argument("--hops", type=int, default=1, choices=(1, 2), help="transfers from node to node [1]")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured, in turns; the median counts [1]")
    parser.add_argument("--only", help=f"some of {','.join(PEERS)}, by commas")
    parser.add_argument("--folder", help="a folder on the disk under test, no tmpfs [where temporary files go]")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    said = parser.parse_args()
    said.only = said.only.split(",") if said.only else list(PEERS)
    unknown = [name for name in said.only if name not in PEERS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(PEERS)}")
    if said.folder:
        said.folder = os.path.abspath(said.folder)
        os.makedirs(said.folder, exist_ok=True)
    return said


def measure(said):
    """The results of every round for each peer, and why some have none."""
    results, missing = {name: [] for name in said.only}, {}
    for round_ in range(said.rounds):
        for name in said.only:
            if name in missing:
                continue
            print(f"round {round_ + 1}: {PEERS[name][0]}", file=sys.stderr, flush=True)
            try:
                results[name].append(PEERS[name][2](said.size, said.hops, said.seconds, said.folder))
            except measuring.Skipped as why:
                missing[name] = str(why)
            except (RuntimeError, OSError, subprocess.SubprocessError) as why:
                missing[name] = f"failed: {why}"
            finally:
                measuring.stop_all()
    return {name: median(runs) for name, runs in results.items() if runs}, missing


def median(runs):
    ordered = sorted(runs, key=lambda run: run["docs_per_s"])
    return dict(ordered[len(ordered) // 2], runs=[run["docs_per_s"] for run in runs])


def table(said, results, missing):
    """The ratio table, as the README shows it."""
    own = [name for name in ("yizhan", "yizhan64") if name in results]
    lines = [f"{said.size} bytes, {said.hops} hop{'s' if said.hops > 1 else ''}, {said.seconds} s each, {os.cpu_count()} cores for everything:", ""]
    head = ["", "documents/s", "CPU µs a document", "flushes a document"] + [f"{PEERS[name][0]} is" for name in own] + ["what a yes means there"]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in said.only:
        label, promise, _ = PEERS[name]
        if name in missing:
            lines.append(f"| {label} | {missing[name].splitlines()[0]} " + "| " * (len(head) - 2) + "|")
            continue
        found = results[name]
        ratios = [f"{results[mine]['docs_per_s'] / found['docs_per_s']:.2f} times" if mine != name else "" for mine in own]
        cells = [label, f"{found['docs_per_s']:,.0f}", f"{found['cpu_us_per_doc']:,.0f}", f"{found['flushes_per_doc']:.2f}"] + ratios + [promise]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    said = arguments()
    results, missing = measure(said)
    if said.json:
        print(json.dumps(dict(size=said.size, hops=said.hops, seconds=said.seconds, cores=os.cpu_count(), machine=platform.machine(),
                              results=results, missing=missing), indent=2, ensure_ascii=False))
    else:
        print(table(said, results, missing))
        for name, why in missing.items():
            print(f"\n{PEERS[name][0]}: {why}", file=sys.stderr)
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
