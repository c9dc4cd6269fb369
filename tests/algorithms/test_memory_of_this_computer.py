"""What a run needs is held against what the computer has, before the work."""

import os

import pytest
from risk_terrain.rtm_plugin.adapters import memory
from risk_terrain.rtm_plugin.core.errors import InputError
from running import Log, only_terrain, process, refusal


def test_what_the_system_tells():
    """The pages that POSIX counts, and some of them free."""
    total, free = memory.memory_of_this_computer()
    assert total == pytest.approx(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), rel=0.02)
    assert 0 < free <= total


def test_what_nobody_knows_refuses_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_TABLE", tmp_path / "none")
    monkeypatch.setattr(memory, "_of_posix", lambda: None)
    assert memory.require_memory(10**15) == ""


@pytest.mark.parametrize("table", ["", "MemTotal: kB\n", "MemTotal: 5 kB\n", "no table"])
def test_a_table_that_is_no_table(monkeypatch, tmp_path, table):
    path = tmp_path / "meminfo"
    path.write_text(table, encoding="ascii")
    monkeypatch.setattr(memory, "_TABLE", path)
    total, free = memory.memory_of_this_computer()
    assert total == free == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def small_computer(monkeypatch, tmp_path, total: int, free: int) -> None:
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: {total} kB\nMemFree: 1 kB\nMemAvailable: {free} kB\n", encoding="ascii")
    monkeypatch.setattr(memory, "_TABLE", path)


def test_more_than_there_is(monkeypatch, tmp_path, city, out):
    small_computer(monkeypatch, tmp_path, 10_000, 10_000)
    sentence = refusal("run", only_terrain(city, out))
    assert sentence.startswith("This needs up to 0.")
    assert "this computer has 0.0 GB in all; choose larger cells" in sentence
    assert list(out.iterdir()) == []


def test_more_than_is_free(monkeypatch, tmp_path, city, out):
    small_computer(monkeypatch, tmp_path, 100_000_000, 10_000)
    log = Log()
    process("run", only_terrain(city, out), log)
    assert any("are free: it may be slow, or fail." in warning for warning in log.warnings)
    with pytest.raises(InputError, match=r"1,000\.0 GB of memory, and this computer has 102\.4 GB"):
        memory.require_memory(10**12)
