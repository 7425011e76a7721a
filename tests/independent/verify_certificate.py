#!/usr/bin/env python3
"""Verifies a delivery certificate without any code of this project, by docs/receipts.md, section 10.

    verify_certificate.py CERTIFICATE.json DIRECTORY_FOLDER

Uses the standard library of Python 3.8 or newer and the command `openssl` (3.0 or newer) for Ed25519. The folder of the directory is
taken as it is: whether the authority signed its root is another program's to check. Prints what the certificate proves, beginning with
OK, and exits with 0; or what is wrong with it, beginning with BAD, and exits with 1.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410, section 4
FIRST_LINE = "yizhan delivery certificate v1"
DELIVERED = ("delivered", "signed-for", "refused", "returned")


class Wrong(Exception):
    """The certificate is not good; the text says why."""


def need(holds, why):
    if not holds:
        raise Wrong(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def verified(key, message, signature):
    """Ed25519 by openssl."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        for path, data in zip(paths, (ED25519_SPKI_PREFIX + key, message, signature)):
            with open(path, "wb") as file:
                file.write(data)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
        command += ["-inkey", paths[0], "-in", paths[1], "-sigfile", paths[2]]
        return subprocess.run(command, capture_output=True).returncode == 0


class Directory:
    """Keys of ledgers (R-04) and the name of the network."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "root"), encoding="utf-8") as file:
            self.network = re.search(r"^network (\S+)$", file.read(), re.M).group(1)

    def key(self, ledger):
        node = ledger.split(".")[0]
        need(re.fullmatch(r"[a-z0-9-]{1,16}", node), "no node: " + node)
        with open(os.path.join(self.folder, "divisions", node + ".json"), encoding="utf-8") as file:
            return base64.b64decode(json.load(file)["ledger"].split("+", 2)[2])[1:]


def signed_text(note, ledger, directory):
    """The text of a signed note under the key of a ledger (3.3)."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    name, key = directory.network + "/" + ledger, directory.key(ledger)
    key_id = sha256(name.encode() + b"\n\x01" + key)[:4]
    mine = []
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        need(dash == "\u2014", "a line below the text is no signature")
        signature = base64.b64decode(signature)
        if signer == name and signature[:4] == key_id:
            mine.append(signature[4:])
    need(mine, name + " did not sign")
    need(all(verified(key, text.encode(), signature) for signature in mine), "a signature of " + name + " is wrong")
    return text


def receipt(given, directory):
    """A receipt (R-10): ledger, index, leaf hash, entry."""
    head, _, note = given["proof"].partition("\n\n")
    lines = head.split("\n")
    need(lines.pop(0) == "c2sp.org/tlog-proof@v1", "a proof does not begin as one")
    if lines[0].startswith("extra "):
        lines.pop(0)
    index, path = int(lines.pop(0)[len("index "):]), [base64.b64decode(line) for line in lines]
    origin = note.split("\n", 1)[0]
    network, _, ledger = origin.rpartition("/")
    need(network == directory.network, "a receipt is of " + origin)
    origin, size, root = signed_text(note, ledger, directory).splitlines()
    size, root = int(size), base64.b64decode(root)
    leaf = sha256(b"\0" + given["entry"].encode())
    need(index < size, "a receipt lies beyond its checkpoint")
    fn, sn, found = index, size - 1, leaf  # RFC 9162, section 2.1.3.2
    for hash_ in path:
        need(sn > 0, "a path is too long")
        if fn & 1 or fn == sn:
            found = sha256(b"\1" + hash_ + found)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            found = sha256(b"\1" + found + hash_)
        fn >>= 1
        sn >>= 1
    need(sn == 0 and found == root, "entry %d is not in %s" % (index, origin))
    return ledger, index, leaf.hex(), json.loads(given["entry"])


def order(item):
    node, epoch = item[0].split(".")
    return node, int(epoch), item[1]


def ref(item):
    return item[0], item[1], item[2]


def rests_on(item):
    below = item[3]["rests_on"]
    return below["ledger"], below["index"], below["leaf"]


def state(node, origin, accepted, items):
    """How a destination fares by these receipts: state, holder, since (R-26 e)."""
    of = lambda kind: [item for item in items if item[3]["kind"] == kind]
    at = lambda item: item[0].split(".")[0]
    own = lambda kind: [item for item in of(kind) if at(item) == node]
    for item in reversed(of("Recalled")):
        if node in item[3]["to"] and at(item) in (node, origin):
            return "recalled", at(item), item[3]["time"]
    if own("ContentConsignment"):
        there = own("ContentConsignment")[0]
        offices = there[3]["offices"]
        acts = {}
        for kind in ("SignedFor", "Refused", "Returned"):
            acts[kind] = [act for act in own(kind) if rests_on(act) == ref(there) and act[3]["office"] in offices]
        signed = {act[3]["office"] for act in acts["SignedFor"]}
        for word, kind, counts in (
            ("returned", "Returned", acts["Returned"]),
            ("refused", "Refused", acts["Refused"]),
            ("signed-for", "SignedFor", acts["SignedFor"] and signed >= set(offices)),
        ):
            if counts:
                return word, node, max(act[3]["time"] for act in acts[kind])
        return "delivered", node, there[3]["time"]
    if own("ContentConsignmentFailure"):
        return "failed", node, own("ContentConsignmentFailure")[-1][3]["time"]
    attempts = lambda item: [int(unit.split("/")[1]) for unit in item[3]["units"] if unit.split("/")[0] == node]
    relays = {ref(item): item for item in of("RelayAcceptance")}
    held = []
    for item in relays.values():
        depth, below = 1, item
        while rests_on(below) in relays and depth <= len(relays):
            depth, below = depth + 1, relays[rests_on(below)]
        held += [(attempt, depth, item[3]["time"], order(item), item) for attempt in attempts(item)]
    best = max(held, key=lambda one: one[:4], default=None)
    ends = of("RelayFailure") + of("AcceptanceRejectionExpiry")
    ends = [(attempt, item[3]["time"], order(item), item) for item in ends for attempt in attempts(item)]
    end = max(ends, key=lambda one: one[:3], default=None)
    if end and (best is None or end[0] >= best[0]):
        item = end[3]
        if item[3]["kind"] == "AcceptanceRejectionExpiry":
            return "expired", at(item), item[3]["time"]
        return "failed" if at(item) == origin else "accepted", origin, item[3]["time"]
    if best:
        return "at-node", at(best[4]), best[4][3]["time"]
    return "accepted", origin, accepted[3]["time"]


def check(path, folder):
    directory = Directory(folder)
    with open(path, encoding="utf-8") as file:
        certificate = json.load(file)
    need(set(certificate) == {"certificate", "receipts"}, "it has other members than it should have")
    ledger = re.search(r"^ledger (\S+)$", certificate["certificate"], re.M)
    need(ledger, "it names no ledger")
    ledger = ledger.group(1)
    text = signed_text(certificate["certificate"], ledger, directory)
    lines = text.splitlines()
    names = [None, "network", "ledger", "document", "envelope", "time", "receipts", "delivered", "signed-for"]
    need(lines[0] == FIRST_LINE and len(lines) >= len(names), "it does not begin as a certificate")
    values = {}
    for name, line in list(zip(names, lines))[1:]:
        need(line.startswith(name + " "), "no line " + name)
        values[name] = line[len(name) + 1:]
    origin, epoch = values["document"].split(".")[:2]
    need(values["network"] == directory.network and ledger.split(".")[0] == origin, "not of its origin")

    items = [receipt(given, directory) for given in certificate["receipts"]]
    need(sorted(items, key=order) == items and len({ref(item) for item in items}) == len(items), "receipts out of order")
    counted = "".join("%s %d %s\n" % ref(item) for item in items)
    need(values["receipts"] == "%d %s" % (len(items), sha256(counted.encode()).hex()), "other receipts than it counts")
    need(all(item[3]["id"] == values["document"] for item in items), "a receipt about something else")
    need(all(item[3].get("envelope") == values["envelope"] for item in items), "a receipt about another header")
    accepted = [item for item in items if item[3]["kind"] == "SubmissionAcceptance" and item[0] == origin + "." + epoch]
    need(len(accepted) == 1, "the proof of origin is not there")

    proven = ["%s %s %s %s" % ((node,) + state(node, origin, accepted[0], items)) for node in sorted(accepted[0][3]["to"])]
    need(lines[len(names):] == proven, "its receipts come to something else:\n" + "\n".join(proven))
    states = [line.split(" ")[1] for line in proven]
    delivered, signed = sum(word in DELIVERED for word in states), states.count("signed-for")
    need(values["delivered"] == "%d of %d" % (delivered, len(states)), "its count of deliveries is wrong")
    need(values["signed-for"] == str(signed), "its count of signatures is wrong")
    print("OK  %s: %d of %d delivered, %d signed for" % (values["document"], delivered, len(states), signed))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        check(sys.argv[1], sys.argv[2])
    except Wrong as wrong:
        print("BAD " + str(wrong))
        sys.exit(1)
    except (ValueError, KeyError, TypeError, OSError, IndexError, AttributeError) as fault:
        print("BAD it is not of its form: %s: %s" % (type(fault).__name__, fault))
        sys.exit(1)


if __name__ == "__main__":
    main()
