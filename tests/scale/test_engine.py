"""Every part once; what is lost is given out again; what cannot be done is named and the others are done."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import ConfigError, GateError, InputError
from tellapart.data.parts import Part
from tellapart.scale import engine, local_cores
from tellapart.scale.engine import Report, Work, run_parts
from tellapart.scale.job import do_part


class Inline:
    """This process in place of others; what is given out is done when it is asked for."""

    alone_again = True
    most = 0

    def __init__(self):
        self.waiting, self.number = {}, 0

    def slots(self):
        return 4

    def submit(self, request):
        self.number += 1
        self.waiting[self.number] = request
        type(self).most = max(self.most, len(self.waiting))
        return self.number

    def finished(self, under_way):
        handle = under_way[0]
        return [(handle, do_part(self.waiting.pop(handle)), "")]

    def close(self, *, finished):
        assert finished is not bool(self.waiting)


@pytest.fixture
def inline(monkeypatch):
    monkeypatch.setattr(engine, "LocalCores", Inline)
    monkeypatch.setattr(engine, "PAUSE", 0.0)
    Inline.most = 0


def parts(numbers, stamp=""):
    return (Part(at, {"n": [n]}, stamp, f"part of {n}") for at, n in enumerate(numbers))


def work(out, name="square", **options):
    return Work("test", f"scale.functions:{name}", options, str(out), ["there"])


def answers(out):
    rows = [row for path in sorted(out.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]
    return [row["n"] for row in rows]


def test_each_part_is_written_under_its_number(tmp_path, inline):
    report = run_parts(work(tmp_path / "out"), parts(range(10)))
    assert (report.parts, report.done_before, report.rows, report.again) == (10, 0, 10, 0)
    assert answers(tmp_path / "out") == list(range(10))
    assert [name[:11] for name in report.files] == [f"part-{n:06}" for n in range(10)]
    assert Inline.most == 4  # and never more, however many parts there are


def test_what_is_there_is_not_done_again(tmp_path, inline, tree):
    run_parts(work(tmp_path / "out"), parts(range(3)))
    (tmp_path / "out" / next(iter(run_parts(work(tmp_path / "out"), parts(range(3))).files))).unlink()
    before = tree(tmp_path / "out")
    report = run_parts(work(tmp_path / "out"), parts(range(5)))
    assert (report.parts, report.done_before) == (5, 2)
    assert before.items() <= tree(tmp_path / "out").items()


def test_a_part_whose_input_changed_is_done_again_and_the_old_one_goes(tmp_path, inline):
    first = run_parts(work(tmp_path / "out"), parts(range(3)))
    second = run_parts(work(tmp_path / "out"), parts(range(2), "later"))
    assert second.done_before == 0
    assert not set(first.files) & set(second.files)
    assert answers(tmp_path / "out") == [0, 1]


def test_an_empty_part_writes_nothing(tmp_path, inline):
    assert run_parts(work(tmp_path / "out", "nothing"), parts(range(3))).rows == 0
    assert answers(tmp_path / "out") == []


def test_a_part_that_fails_five_times_is_named_and_the_others_are_done(tmp_path, inline, capsys):
    report = run_parts(work(tmp_path / "out", "failing", marker=str(tmp_path / "tries")), parts(range(4)))
    assert (tmp_path / "tries").read_text() == "xxxxx"
    assert answers(tmp_path / "out") == [0, 2, 3]
    with pytest.raises(GateError, match=r"^1 part failed 5 times: part 1 \(part of 1\).*on fire; the other 3 are done"):
        report.check()
    assert "on fire" in capsys.readouterr().err


def test_unusable_input_is_not_tried_again(tmp_path, inline, refuses):
    report = run_parts(work(tmp_path / "out", "unusable"), parts(range(4)))
    assert report.again == 0
    assert answers(tmp_path / "out") == [0, 2, 3]
    with refuses(
        InputError, "1 part cannot be used: shard 1: cannot be read as Parquet; the other 3 are done and stay"
    ):
        report.check()


def test_a_part_whose_every_image_is_broken_is_named(tmp_path, inline):
    report = run_parts(work(tmp_path / "out", "broken"), parts(range(2)))
    with pytest.raises(InputError, match="2 parts cannot be used: part of 0: not one of its images can be read"):
        report.check()


@pytest.mark.parametrize("other", [{"name": "broken"}, {"option": 2}, {"sources": ["elsewhere"]}])
def test_a_folder_of_other_work_is_refused(tmp_path, inline, other, refuses):
    run_parts(work(tmp_path / "out"), parts(range(2)))
    sources = other.pop("sources", ["there"])
    asked = work(tmp_path / "out", **other)
    asked = Work(asked.verb, asked.function, asked.options, asked.out, sources)
    message = f"{tmp_path / 'out'}: holds what another verb, model, source or option gave; name another --out"
    with refuses(ConfigError, message):
        run_parts(asked, parts(range(2)))
    assert answers(tmp_path / "out") == [0, 1]


def test_where_a_bundle_lies_makes_no_other_work(tmp_path):
    here = work(tmp_path, model="/a", digest="1")
    assert here.key == work(tmp_path, model="/b", digest="1").key != work(tmp_path, model="/a", digest="2").key


def test_a_folder_of_the_users_is_refused(tmp_path, inline, refuses):
    (tmp_path / "notes.txt").touch()
    with refuses(ConfigError, f"{tmp_path}: not empty, and without parts of test; name another --out"):
        run_parts(work(tmp_path), parts(range(2)))


def test_a_node_of_another_kind_is_refused_in_words(tmp_path, inline, monkeypatch):
    monkeypatch.setattr(engine, "package_state", lambda: "9.9 (feed)")
    with pytest.raises(ConfigError, match=r"^node \S+ has tellapart .* this machine 9.9 \(feed\); give all the same"):
        run_parts(work(tmp_path / "out"), parts(range(2)))


def test_the_names_of_lost_parts_are_bounded():
    report = Report("out", parts=3, failed=["a", "b"])
    with pytest.raises(GateError, match=r"^2 parts failed 5 times: a, b; the other 1 are done"):
        report.check()


def test_a_killed_process_costs_no_part(tmp_path, monkeypatch):
    monkeypatch.setattr(local_cores, "cpu_count", lambda: 1)
    report = run_parts(work(tmp_path / "out", "killed_once", marker=str(tmp_path / "died")), parts(range(6)))
    report.check()
    assert answers(tmp_path / "out") == list(range(6))
    assert 1 <= report.again <= 2
    assert json.loads((tmp_path / "out" / "work.json").read_text())["verb"] == "test"
