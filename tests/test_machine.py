"""A process takes its share of a machine, and the precision that is quick on it."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from synthtrust import machine


def test_a_processor_computes_in_float32_whatever_it_multiplies(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for known in ({"avx2": True}, {"avx2": True, "avx512_bf16": True}, {"amx_bf16": True}):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda known=known: known, raising=False)
        assert machine.quick_precision("cpu") == machine.quick_precision("auto") == "32-true"


def test_a_new_process_says_which_kernels_it_was_told_to_use():
    code = "import json, torch; from synthtrust import machine; print(json.dumps(machine.arithmetic()['switches']))"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(process.stdout)["ONEDNN_MAX_CPU_ISA"] == "AVX2"


def test_a_gpu_without_bfloat16_is_quick_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert machine.quick_precision("gpu") == ("bf16-mixed" if has else "32-true")


@pytest.fixture
def grouped(tmp_path, monkeypatch):
    """Put control groups in the place of the machine's own, below a folder that stands for /sys/fs/cgroup."""
    monkeypatch.setattr(machine, "GROUPS", tmp_path)
    listed = tmp_path / "listed"
    monkeypatch.setattr(machine, "LISTED", listed)

    def _grouped(lines, **files):
        listed.write_text("\n".join(lines))
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)

    return _grouped


@pytest.mark.parametrize(
    ("lines", "files"),
    [
        (["0::/"], {"cpu.max": "250000 100000"}),
        (["0::/job/step"], {"job/cpu.max": "250000 100000", "job/step/cpu.max": "max 100000"}),
        (["3:cpu,cpuacct:/docker/1"], {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}),
    ],
)
def test_a_share_of_time_counts_as_so_many_cores(grouped, monkeypatch, lines, files):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    grouped(lines)
    assert machine.cores() == 64
    grouped(lines, **files)
    assert machine.cores() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert machine.cores() == 1


def test_libraries_are_kept_to_a_share_of_time_unless_the_user_says_how_many_threads(grouped, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(os, "environ", {})
    grouped(["0::/"], **{"cpu.max": "max 100000"})
    machine.keep_to_share()
    assert os.environ == {"OMP_WAIT_POLICY": "PASSIVE"}  # libraries count the cores by themselves
    grouped(["0::/"], **{"cpu.max": "200000 100000"})
    machine.keep_to_share()
    assert os.environ == {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "2"}
    own = {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "5"}
    os.environ.update(own)
    machine.keep_to_share()
    assert os.environ == own


def test_a_number_of_threads_is_given_to_every_library(monkeypatch):
    """What the user asks for counts more than the environment, also for a PyTorch that is imported already."""
    for name in machine.THREADS:
        monkeypatch.setenv(name, "7")
    asked = []
    monkeypatch.setitem(machine.sys.modules, "torch", SimpleNamespace(set_num_threads=asked.append))
    machine.keep_to_share(3)
    assert {os.environ[name] for name in machine.THREADS} == {"3"}
    assert asked == [3]


def test_no_more_cases_are_read_at_once_than_cores_and_memory_hold(grouped, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    grouped(["4:memory:/", "0::/"], **{"memory/memory.limit_in_bytes": str(2**30)})
    assert machine.memory() == 2**30
    assert machine.readers() == 8
    assert machine.readers(2**27) == 4  # half of a GiB is four times 128 MiB
    assert machine.readers(2**40) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert machine.readers() == 1


def test_the_machine_has_a_name_and_its_arithmetic_is_written_down():
    assert machine.processor()
    facts = machine.arithmetic()
    assert facts["threads"] == torch.get_num_threads()
    assert facts["numpy"]
    assert json.loads(json.dumps(facts)) == facts
    assert machine.peak_memory_gib() > 0.05


def test_what_is_available_is_what_neither_the_machine_nor_a_container_has_given_away(grouped, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "peak_memory_gib", lambda: 1.0)
    monkeypatch.setattr(machine, "MEMINFO", info := tmp_path / "meminfo")
    grouped(["0::/"], **{"memory.max": str(4 * 2**30)})
    assert machine.available_memory() == 3 * 2**30  # of the container's limit, where Linux says nothing
    info.write_text("MemTotal:       16777216 kB\nMemAvailable:    2097152 kB\nHugePages_Total:       0\n")
    assert machine.available_memory() == 2 * 2**30
    grouped(["0::/"], **{"memory.max": str(2**29)})
    assert machine.available_memory() == 0
