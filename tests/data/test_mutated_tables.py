"""Tables that people and programs have damaged: read whole, or refused in words; no row is lost in silence.

Each table is made from texts that are known, and changed at random by what editors, spreadsheets and programs do.
What is read must be those texts, whole, and as many rows as went in: kept, or named as repeated or empty. Nothing else
than a CatalogError comes out.
"""

from __future__ import annotations

import json
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source

TEXTS = [
    "cat", "Hello, world", "1,299.00", 'say "hi"', '"', "a;b", "x|y", "tab\there", "고양이", "größe", "it's", "#1",
    "0042",
    '5" disk', "'q'", "back\\slash", "NULL", "two  blanks", "[1]", "{}", "sep=;", ",", ";;", '""', "=1+1", "ｆｕｌｌ",
]  # fmt: skip
ENDINGS = ["\n", "\r\n", "\r"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-8", "utf-8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve pictures, some deeper, some of odd names; no picture is opened."""
    root = tmp_path_factory.mktemp("mutated")
    for n in range(12):
        path = root / ("deep/er" if n % 3 == 0 else "") / f"{n:03}.{'JPG' if n % 2 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".png", ".JPG"))


def spelt(name, dice):
    """A name as another machine writes it."""
    ways = [
        lambda: name, lambda: name, lambda: name.replace("/", "\\"), lambda: f"C:\\set\\{name}", lambda: f"./{name}",
        lambda: name.rsplit(".", 1)[0], lambda: name.lower(), lambda: name.upper(), lambda: f"/kaggle/input/{name}",
        lambda: f"  {name} ", lambda: name.rsplit("/", 1)[-1],
    ]  # fmt: skip
    return dice.choice(ways)()


def read(path):
    """What is read of a table, or None where it is refused in words."""
    try:
        return read_source(path)
    except CatalogError as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    assert len(message) < 1500
    return None


def numbers(listing, pattern):
    return sum(int(match[1]) for note in listing.notes if (match := re.match(pattern, note)))


def accounted(listing):
    """How many rows are kept, or named as repeated or empty."""
    repeated = numbers(listing, r"(\d+) rows? of .* repeats? another row")
    return len(listing.rows) + repeated + numbers(listing, r"(\d+) rows? of .* without a cell filled")


def cell(text, sign, dice):
    """A text as a careful or a careless program writes it into a table."""
    if dice.random() < 0.75 and (sign in text or '"' in text or dice.random() < 0.2):
        return '"' + text.replace('"', '""') + '"'
    return text


def delimited(rows, sign, end, dice):
    """A table of these rows."""
    lines = [[dice.choice(["file", "File Name", " image", '"file"']), dice.choice(["label", "Text ", " label"])]]
    lines += [[cell(name, sign, dice), cell(text, sign, dice)] for name, text in rows]
    if dice.random() < 0.3:
        lines = [[str(n - 1) if n else "", *line] for n, line in enumerate(lines)]
    if dice.random() < 0.3:
        lines = [[*line, "note" if n == 0 else dice.choice(["", "ok"])] for n, line in enumerate(lines)]
    lines += [[""] * len(lines[0])] * dice.choice([0, 0, 0, 2])
    text = end.join(sign.join(line) for line in lines) + dice.choice(["", end, end + end])
    return f"sep={sign}{end}{text}" if dice.random() < 0.2 else text


def slipped(text, sign, dice):
    """A text with a slip of a hand in half of all cases."""
    place = dice.randrange(len(text))
    slips = [
        lambda: text.replace('"', "", 1), lambda: text[:place], lambda: text + '"', lambda: text + "\0" * 20,
        lambda: text.replace("\n", "\n\n"), lambda: text[:place] + '"' + text[place:],
        lambda: text[:place] + sign + text[place:], lambda: text.replace(sign, f"{sign} "),
    ]  # fmt: skip
    return dice.choice(slips)() if dice.random() < 0.5 else text


@pytest.mark.parametrize("part", range(4))
def test_text_tables_lose_no_row_and_cut_no_text(folder, part):
    names, taken, refused = names_of(folder), 0, 0
    for seed in range(part * 400, part * 400 + 400):
        dice = random.Random(seed)
        pairs = [(spelt(name, dice), dice.choice(TEXTS)) for name in dice.sample(names, dice.randrange(1, 12))]
        pairs += pairs[: dice.choice([0, 0, 2])]
        sign, end = dice.choice(",,,;\t|"), dice.choice(ENDINGS)
        text = slipped(delimited(pairs, sign, end, dice), sign, dice)
        path = folder / f"t.{dice.choice(['csv', 'tsv'])}"
        path.write_bytes(text.encode(dice.choice(ENCODINGS)))
        listing = read(path)
        if listing is None:
            refused += 1
            continue
        taken += 1
        bare = re.compile(rf'["\s{re.escape(sign)}]')
        truth = {bare.sub("", label) for _, label in pairs}
        labels = [bare.sub("", row.label) for row in listing.rows]
        if not text.rstrip(f"{end}{sign}").endswith(f"{pairs[-1][1]}"[-1]):  # the last text may have lost its end
            truth |= {bare.sub("", label)[:n] for _, label in pairs for n in range(len(label))}
        assert set(labels) <= truth, (seed, text)
        lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip(" ") and "sep=" not in line[:5]]
        assert accounted(listing) == len(lines) - 1, (seed, text, listing)
    assert taken > 100
    assert refused > 50


def test_lines_of_json_lose_no_row(folder):
    names, taken = names_of(folder), 0
    for seed in range(400):
        dice = random.Random(seed)
        rows = [{"file": spelt(name, dice), "label": dice.choice(TEXTS)} for name in dice.sample(names, 5)]
        odd = dice.choice([None, [1], {"a": 1}, "", 5, float("nan"), True, ["a", "b"]])
        if dice.random() < 0.4:
            rows[dice.randrange(5)][dice.choice(["file", "label", "more"])] = odd
        end = dice.choice(ENDINGS)
        text = end.join(json.dumps(row, ensure_ascii=dice.random() < 0.5) for row in rows)
        text = text if dice.random() < 0.8 else text[: dice.randrange(1, len(text))]
        path = folder / "t.jsonl"
        path.write_bytes(text.encode(dice.choice(ENCODINGS)))
        listing = read(path)
        if listing is not None:
            taken += 1
            assert [row.label for row in listing.rows] == [str(row["label"]).strip() for row in rows][
                : len(listing.rows)
            ]
            assert accounted(listing) == len([line for line in text.split(end) if line.strip()]), (seed, text)
    assert taken > 50


def test_parquet_is_read_or_refused(folder):
    path = folder / "t.parquet"
    pq.write_table(pa.table({"file": names_of(folder), "label": [str(n) for n in range(12)]}), path)
    whole = path.read_bytes()
    for seed in range(200):
        dice = random.Random(seed)
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 5, 50])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))
        listing = read(path)
        assert listing is None or accounted(listing) == 12, seed
