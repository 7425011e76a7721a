#!/usr/bin/env python3
"""Makes divisions.tsv and retired.tsv from public data. How to run it, and where the data come from: README.md beside it.

The same input makes the same bytes. Whatever the input says that no rule here knows stops it: a new edition of the data is
read by a person first.
"""

import argparse
import ast
import csv
import hashlib
import pathlib
import re
import sys

# How the table names the kinds: the level, and what is no ordinary county.
PROVINCE, PREFECTURE, COUNTY, OTHER, ZONE = "1", "2", "3", "3o", "3z"
# Prefecture rows that stand for no prefecture: their counties answer to the province (facts, trap 1).
PSEUDO_PREFECTURES = {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"}
# The same in the editions of GB/T 2260.
PSEUDO_GB2260 = re.compile("(市辖区|^市|^县|直辖(县级)?行政(单位|区划)|^县级行政单位)$")
# Prefectures without counties, with the county row that the statistics make up for each (trap 3).
MADE_UP_COUNTIES = {"441900": "4419", "442000": "4420", "460400": "4604", "620201": "6202"}
# Prefectures that another prefecture administers (traps 5 and 11).
PARENTS = {"6542": "6540", "6543": "6540"}
# Units of county rank that are neither county nor city nor district (trap 7).
OTHER_NAMES = re.compile("(^神农架林区|群岛|群岛的岛礁及其海域|行政委员会)$")
# Codes of GB/T 2260 whose place the statistics give to others: 三沙 is counted by islands, governed in two districts.
ALIASES = {"460302": "460321", "460303": "460322"}
SUCCESSORS = {"469031": "460321", "469032": "460322", "469033": "460323"}
# Hong Kong, Macao and Taiwan are not in the first source.
OUTSIDE = {"71", "81", "82"}
SUFFIX = re.compile("(地区|自治州|林区|矿区|特区|自治县|市|县|区|盟|旗)$")
# The historical record begins in this year: what began with it may be older.
RECORD_BEGINS = 1981


def stop(text):
    sys.exit(f"generate.py: {text}")


def unpadded(code):
    """65 of 650000, 6523 of 652300; 652301 stays."""
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code.endswith("00") else code


def stem(name):
    short = SUFFIX.sub("", name)
    return short if len(short) >= 2 else name


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def is_zone(code):
    return 71 <= int(code[4:]) <= 80


def current(folder):
    """Every division in use: code -> (kind, parent, name)."""
    found = {}

    def put(code, kind, parent, name):
        if code in found or not re.fullmatch("[1-9][0-9](?:[0-9]{2}){0,2}", code) or code.endswith("00"):
            stop(f"{code} {name}: the code stands twice, or is padded, or is none")
        found[code] = (kind, parent, name)

    for row in rows(folder / "provinces.csv"):
        put(row["code"], PROVINCE, "", row["name"])
    pseudo = set()
    for row in rows(folder / "cities.csv"):
        if row["name"] in PSEUDO_PREFECTURES:
            pseudo.add(row["code"])
        else:
            put(row["code"], PREFECTURE, PARENTS.get(row["code"], row["provinceCode"]), row["name"])
    made_up = dict(MADE_UP_COUNTIES)
    for row in rows(folder / "areas.csv"):
        code, name = row["code"], row["name"]
        if code in made_up:
            if found[made_up.pop(code)][2] != name:
                stop(f"{code} {name} is not the prefecture by another code")
            continue
        parent = row["provinceCode"] if row["cityCode"] in pseudo else row["cityCode"]
        kind = ZONE if is_zone(code) else OTHER if OTHER_NAMES.search(name) else COUNTY
        put(code, kind, parent, name)
    if made_up:
        stop(f"rows expected and not there: {made_up}")
    for code, (_, parent, name) in found.items():
        if parent and parent not in found:
            stop(f"{code} {name}: its parent {parent} is not there")
    return found


class Record:
    """One line of the historical record: a code under one name."""

    def __init__(self, row):
        self.code, self.name = unpadded(row["代码"]), row["名称"]
        self.above = (row["一级行政区"], row["二级行政区"])
        self.prefecture = row["级别"] == "地级"
        self.state = row["状态"]
        self.since = int(row["启用时间"])
        self.until = int(row["变更/弃用时间"] or 0)
        # `[year]` marks land that was given away at another time than the end.
        heirs = [heir for heir in row["新代码"].split(";") if heir and "[" not in heir]
        self.heirs = [SUCCESSORS.get(row["代码"], unpadded(heir)) for heir in heirs]


def principal(heirs, name, name_of):
    """The one heir, or the one among several that carries the name on; and the others."""
    heirs = sorted(set(heirs))
    same = heirs if len(heirs) == 1 else [heir for heir in heirs if stem(name_of(heir)) == stem(name)]
    first = same[0] if len(same) == 1 else ""
    return first, [heir for heir in heirs if heir != first]


def history(path, found, first_year):
    """Codes out of use, and names out of use of codes that are in use."""
    records = [record for record in map(Record, rows(path)) if record.code[:2] not in OUTSIDE]
    retired = {record.code: record for record in records if record.state == "弃用" and record.until >= first_year}
    for code in retired:
        if code in found:
            stop(f"{code} is out of use in the record and in use in the statistics")
    name_of = lambda code: found[code][2] if code in found else retired[code].name

    def ends(code):
        """Where a code leads in the end."""
        if code in found:
            return {code}
        return set().union(*(ends(heir) for heir in retired[code].heirs)) if code in retired else stop(f"no {code}")

    lines = []
    for code, record in sorted(retired.items()):
        heirs = record.heirs
        if record.prefecture and not heirs:
            # The record leaves a prefecture's heirs to be seen from its counties, which ended with it.
            own = [other for other in retired.values()
                   if other.above == record.above and other.until == record.until and not other.prefecture]
            counties = set().union(*(ends(other.code) for other in own)) if own else set()
            heirs = [county if found[county][0] == PREFECTURE else found[county][1] for county in counties]
        first, rest = principal(heirs, record.name, name_of)
        if any(heir not in found and heir not in retired for heir in heirs):
            stop(f"{code} {record.name}: an heir of {heirs} is unknown")
        since = record.since if record.since > RECORD_BEGINS else ""
        lines.append(("retired", code, record.name, since, record.until, first, ",".join(rest)))
    names, begun = [], {}
    for record in records:
        if record.code in found and record.state == "变更" and record.until >= first_year:
            later = min((other for other in records if other.code == record.code and other.since >= record.until),
                        key=lambda other: other.since)
            if later.name != record.name:
                since = record.since if record.since > RECORD_BEGINS else ""
                names.append(("renamed", record.code, record.name, since, record.until, record.code, ""))
        if record.code in found and record.state == "在用":
            if record.name != found[record.code][2]:
                stop(f"{record.code} is called {record.name} and {found[record.code][2]}")
            begun[record.code] = record.since
    # A code that was only renamed began with its first name.
    for record in sorted(records, key=lambda record: -record.since):
        if record.state == "变更" and begun.get(record.code) == record.until:
            begun[record.code] = record.since
    aliases = [("alias", code, "", "", "", to, "") for code, to in (ALIASES | {"620201": "6202"}).items()]
    return begun, lines + names + aliases


def spellings(path, found, lines):
    """Codes of GB/T 2260 editions that neither table has: other codes for what is still called the same."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = set(found) | {line[1] for line in lines}
    other = {}
    for revision in ast.literal_eval(tree.body[0].value).values():
        for code, name in revision.items():
            code = unpadded(str(code))
            if code not in known and code[:2] not in OUTSIDE and not PSEUDO_GB2260.search(name):
                other[code] = name
    for code, name in sorted(other.items()):
        same = [to for to, (_, _, called) in found.items() if called == name and to[:2] == code[:2]]
        if len(same) != 1:
            stop(f"{code} {name} of gb2260 may be each of {same}")
        yield "alias", code, name, "", "", same[0], ""


def write(path, heading, columns, lines):
    text = "".join(f"# {line}\n" for line in heading) + "\t".join(columns) + "\n"
    text += "".join("\t".join(map(str, line)).rstrip("\t") + "\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(lines)} rows, {len(text.encode())} bytes")


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--china-division", type=pathlib.Path, required=True, help="folder with provinces.csv, cities.csv, areas.csv")
    parser.add_argument("--areacodes", type=pathlib.Path, required=True, help="result.csv")
    parser.add_argument("--gb2260", type=pathlib.Path, required=True, help="data.py of the Python package")
    parser.add_argument("--first-year", type=int, default=2000, help="leave out what went out of use before")
    parser.add_argument("--out", type=pathlib.Path, default=here)
    options = parser.parse_args()

    found = current(options.china_division)
    begun, lines = history(options.areacodes, found, options.first_year)
    lines += spellings(options.gb2260, found, lines)
    lines.sort(key=lambda line: (line[1], line[4] or 0))
    digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    names = ["provinces.csv", "cities.csv", "areas.csv"]
    inputs = [f"{name} {digest(options.china_division / name)}" for name in names]
    inputs += [f"result.csv {digest(options.areacodes)}", f"data.py {digest(options.gb2260)}"]
    heading = ["Made by generate.py; do not edit. Sources and licences: README.md. SHA-256 of the input:"] + inputs
    since = lambda code: begun.get(code, RECORD_BEGINS) if begun.get(code, RECORD_BEGINS) > RECORD_BEGINS else ""
    table = [(kind, code, parent, name, since(code)) for code, (kind, parent, name) in sorted(found.items())]
    write(options.out / "divisions.tsv", heading, ["kind", "code", "parent", "name", "since"], table)
    columns = ["kind", "code", "name", "since", "until", "successor", "shares"]
    write(options.out / "retired.tsv", heading, columns, lines)


if __name__ == "__main__":
    main()
