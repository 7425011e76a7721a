#!/usr/bin/env python3
"""Verifies a ledger folder, and one exported receipt, without any code of this project.

    verify_ledger.py LEDGER_FOLDER [--key VKEY]... [--proof FILE.tlog-proof --entry FILE.json]

Written from the C2SP texts tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature and tlog-proof and from RFC 6962. Uses the
standard library of Python 3.8 or newer and the command `openssl` (3.0 or newer) for Ed25519. Keys are taken from the file
`vkey` in the folder, one a line, unless `--key` gives them. Prints one line per finding, beginning with OK or BAD; exits with
0 if nothing is bad and 1 otherwise.
"""

import argparse
import base64
import binascii
import hashlib
import os
import re
import subprocess
import sys
import tempfile

WIDTH = 256
MISSING_IN_A_ROW_MAX = 1024
ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410, section 4


class Findings:
    """What was found; remembers whether any of it is bad."""

    def __init__(self):
        self.bad_ones = 0

    def ok(self, text):
        print("OK  " + text)

    def bad(self, text):
        self.bad_ones += 1
        print("BAD " + text)


class Wrong(Exception):
    """A file is not of its form; the text says why."""


# RFC 6962, section 2.1


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(hashes):
    """The Merkle Tree Hash over leaf hashes (or over roots of equal, complete subtrees)."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(tree_hash(hashes[:split]), tree_hash(hashes[split:]))


def root_of_path(leaf, index, size, path):
    """The root that an inclusion path leads to, by the recursive definition of RFC 6962, section 2.1.1."""
    if size == 1:
        if path:
            raise Wrong("its path is too long")
        return leaf
    if not path:
        raise Wrong("its path is too short")
    split = 1 << ((size - 1).bit_length() - 1)
    if index < split:
        return node_hash(root_of_path(leaf, index, split, path[:-1]), path[-1])
    return node_hash(path[-1], root_of_path(leaf, index - split, size - split, path[:-1]))


# signed-note, tlog-cosignature


def decode(text):
    """Standard base64 in its one canonical form."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Wrong("bad base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Wrong("base64 that is not canonical")
    return data


class Key:
    """A verifier key: name+id+base64(type || public key)."""

    def __init__(self, vkey):
        match = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+(\S+)", vkey)
        if not match:
            raise Wrong("not of the form name+id+key")
        self.name, key_id, key = match.groups()
        self.key_id = bytes.fromhex(key_id)
        material = decode(key)
        self.kind, self.public = material[0], material[1:]
        if self.kind not in (1, 4) or len(self.public) != 32:
            raise Wrong("not an Ed25519 key for notes or cosignatures")
        if hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4] != self.key_id:
            raise Wrong("its id does not belong to its name and key")

    def verify(self, message, signature):
        if len(signature) != 64:
            return False
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in ("key", "message", "signature")]
            for name, data in zip(names, (ED25519_SPKI_PREFIX + self.public, message, signature)):
                with open(name, "wb") as file:
                    file.write(data)
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]
            command += ["-inkey", names[0], "-in", names[1], "-sigfile", names[2]]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0


def parse_note(note):
    """Text and signatures (name, key id, bytes) of a signed note."""
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("not UTF-8") from None
    if any(ord(char) < 32 and char != "\n" for char in text):
        raise Wrong("a control character stands in it")
    body, separator, lines = text.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise Wrong("not a signed note")
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^+\\s]+) (\\S+)", line)
        if not match:
            raise Wrong("a line below its text is no signature")
        data = decode(match.group(2))
        if len(data) < 5:
            raise Wrong("a signature is too short")
        signatures.append((match.group(1), data[:4], data[4:]))
    return body + "\n", signatures


def check_checkpoint(note, keys, where, findings):
    """Size and root of a checkpoint; reports its signatures. `None` if it cannot be read."""
    try:
        text, signatures = parse_note(note)
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
            raise Wrong("not three lines of text")
        origin = lines[0]
        if not re.fullmatch("0|[1-9][0-9]*", lines[1]):
            raise Wrong("its size is no decimal number")
        size, root = int(lines[1]), decode(lines[2])
        if len(root) != 32 or size >= 1 << 64:
            raise Wrong("its size or root is not of the right length")
    except Wrong as wrong:
        findings.bad(f"{where}: {wrong}")
        return None
    signed = False
    for key in keys:
        if key.kind == 1 and key.name != origin:
            continue
        for name, key_id, data in signatures:
            if (name, key_id) != (key.name, key.key_id):
                continue
            if key.kind == 1:
                good, what = key.verify(text.encode(), data), f"signature of {name}"
                signed = signed or good
            else:
                time = int.from_bytes(data[:8], "big")
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                good, what = key.verify(message, data[8:]), f"cosignature of {name} at time {time}"
            (findings.ok if good else findings.bad)(f"{where}: {what} is {'right' if good else 'wrong'}")
    if not signed:
        findings.bad(f"{where}: no key of {origin} that was given signed it")
    return size, root


# tlog-tiles


def tile_path(level, index, width=WIDTH):
    number = f"{index % 1000:03}"
    index //= 1000
    while index:
        number = f"x{index % 1000:03}/{number}"
        index //= 1000
    return f"tile/{level}/{number}" + ("" if width == WIDTH else f".p/{width}")


class Ledger:
    def __init__(self, folder, findings):
        self.folder, self.findings = folder, findings

    def file(self, path):
        try:
            with open(os.path.join(self.folder, path), "rb") as file:
                return file.read(WIDTH * (2 + 65535) + 1)
        except OSError:
            return None

    def resource(self, level, index, width):
        """A tile or bundle; the full one may stand in for a partial one. Its path, its bytes, its width."""
        path = tile_path(level, index, width)
        data = self.file(path)
        if data is not None:
            return path, data, width
        if width < WIDTH:
            full = tile_path(level, index)
            data = self.file(full)
            if data is not None:
                return full, data, WIDTH
        self.findings.bad(f"{path}: missing")
        return path, None, width

    def tile(self, level, index, width):
        path, data, found = self.resource(level, index, width)
        if data is not None and len(data) != 32 * found:
            self.findings.bad(f"{path}: not {found} hashes long")
            data = None
        return path, data and [data[at : at + 32] for at in range(0, 32 * width, 32)]

    def bundle(self, index, width):
        path, data, found = self.resource("entries", index, width)
        if data is None:
            return path, None
        entries, at = [], 0
        while at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                break
            entries.append(data[at + 2 : end])
            at = end
        if at != len(data) or len(entries) != found:
            self.findings.bad(f"{path}: not {found} entries and nothing else")
            return path, None
        return path, entries[:width]

    def compare(self, level, index, computed, bundle=None):
        """Compares a tile with the hashes computed from below; where there are none, the tile's count."""
        path, stored = self.tile(level, index, len(computed))
        if stored is None:
            return computed
        for place, (mine, theirs) in enumerate(zip(computed, stored)):
            if mine is not None and mine != theirs:
                child = index * WIDTH + place
                below = f"entry {child} in {bundle}" if level == 0 else f"{tile_path(level - 1, child)} (as computed)"
                self.findings.bad(f"{path}: hash {place} is not that of {below}")
        return [mine if mine is not None else theirs for mine, theirs in zip(computed, stored)]

    def walk(self, size):
        """The root over all entries, computed from the entry bundles, and how many entries there are."""
        levels = [[]]
        counts = [0]
        entries = missing = 0
        path = None
        for index in range(0, (size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, size - index * WIDTH)
            path, found = self.bundle(index, width)
            missing = missing + 1 if found is None else 0
            if missing == MISSING_IN_A_ROW_MAX:
                self.findings.bad(f"{path}: too many are missing in a row; gave up")
                return None, entries
            entries += len(found or [])
            levels[0] = [leaf_hash(entry) for entry in found] if found is not None else [None] * width
            level = 0
            while len(levels[level]) == WIDTH:
                hashes = self.compare(level, counts[level], levels[level], path)
                levels[level] = []
                counts[level] += 1
                level += 1
                if level == len(levels):
                    levels.append([])
                    counts.append(0)
                levels[level].append(None if None in hashes else tree_hash(hashes))
        root = None
        for level, hashes in enumerate(levels):
            if not hashes:
                continue
            hashes = self.compare(level, counts[level], hashes, path)
            if None in hashes:
                return None, entries
            # The right edge: complete subtrees of this level, smallest last, with what is to their right.
            while hashes:
                count = len(hashes) & -len(hashes)
                subtree = tree_hash(hashes[-count:])
                hashes = hashes[:-count]
                root = subtree if root is None else node_hash(subtree, root)
        return (hashlib.sha256(b"").digest() if root is None else root), entries


# tlog-proof


def check_proof(proof_file, entry_file, keys, findings):
    where = os.path.basename(proof_file)
    with open(proof_file, "rb") as file:
        proof = file.read()
    with open(entry_file, "rb") as file:
        entry = file.read()
    try:
        head, separator, checkpoint = proof.partition(b"\n\n")
        lines = head.decode("utf-8").split("\n")
        if not separator or lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise Wrong("not a tlog-proof of version 1")
        if lines and lines[0].startswith("extra "):
            decode(lines.pop(0)[len("extra ") :])
        if not lines or not re.fullmatch("index (0|[1-9][0-9]*)", lines[0]):
            raise Wrong("no line with an index")
        index = int(lines.pop(0)[len("index ") :])
        path = [decode(line) for line in lines]
        if any(len(part) != 32 for part in path) or len(path) > 64:
            raise Wrong("its path is not made of hashes")
    except (Wrong, UnicodeDecodeError) as wrong:
        findings.bad(f"{where}: {wrong}")
        return
    head = check_checkpoint(checkpoint, keys, where, findings)
    if head is None:
        return
    size, root = head
    try:
        if index >= size:
            raise Wrong("its index lies behind the end of the ledger")
        if root_of_path(leaf_hash(entry), index, size, path) != root:
            raise Wrong(f"the ledger does not hold this entry at index {index}")
    except Wrong as wrong:
        findings.bad(f"{where}: {wrong}")
        return
    findings.ok(f"{where}: entry {index} is in the ledger of {size} entries")


def read_keys(ledger, given, findings):
    keys = []
    lines = given
    if not given:
        data = ledger.file("vkey")
        if data is None:
            findings.bad("vkey: missing")
            return keys
        lines = data.decode("utf-8", "replace").split("\n")
        if lines.pop() != "":
            findings.bad("vkey: its last line does not end")
    for line in lines:
        try:
            keys.append(Key(line))
        except Wrong as wrong:
            findings.bad(f"vkey: {wrong}")
    return keys


def main():
    parser = argparse.ArgumentParser(description="Verifies a ledger folder and one exported receipt.")
    parser.add_argument("folder", help="the ledger: checkpoint, vkey, tile/")
    parser.add_argument("--key", action="append", default=[], help="a trusted verifier key, instead of the file vkey")
    parser.add_argument("--proof", help="a .tlog-proof file")
    parser.add_argument("--entry", help="the bytes of the entry that the proof is for")
    arguments = parser.parse_args()
    if bool(arguments.proof) != bool(arguments.entry):
        parser.error("--proof and --entry go together")
    findings = Findings()
    ledger = Ledger(arguments.folder, findings)
    keys = read_keys(ledger, arguments.key, findings)
    note = ledger.file("checkpoint")
    if note is None:
        findings.bad("checkpoint: missing")
    head = note is not None and check_checkpoint(note, keys, "checkpoint", findings)
    if head:
        size, root = head
        computed, entries = ledger.walk(size)
        if computed == root:
            findings.ok(f"checkpoint: its root is that of the {entries} entries in the folder")
        else:
            findings.bad(f"checkpoint: its root is not that of the {entries} entries in the folder")
    if arguments.proof:
        check_proof(arguments.proof, arguments.entry, keys, findings)
    return 1 if findings.bad_ones else 0


if __name__ == "__main__":
    sys.exit(main())
