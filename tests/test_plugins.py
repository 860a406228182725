"""An installed plugin's options are offered beside our own, and a broken plugin is named and hides nobody's."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path

import pytest
from hydra.errors import InstantiationException, MissingConfigException
from hydra.utils import instantiate

from helpers.commands import run_here
from helpers.configs import compose_by_hydra
from synthtrust.cases import load_manifest
from synthtrust.generators.synthesis import recipe
from synthtrust.runs.build import build_data, check_choices

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "example_plugin"
TINY = (
    "cases.n_cases=6", "cases.shape=[24,28,20]", "model=unet", "model.net.channels=[4,8]", "model.net.strides=[2]",
    "data.patch_size=[16,16,16]", "data.batch_size=1", "steps=2", "val_every=2", "split.test=1", "split.val=1",
    "trainer.enable_progress_bar=false", "trainer.accelerator=cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder into which pip installed the example plugin, as a user would; no network is asked."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")  # a build leaves files beside the sources
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(folder / "site"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(folder / "source")],
        capture_output=True, text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def installed(site, monkeypatch):
    """Return the example plugin, on this process's path."""
    monkeypatch.syspath_prepend(str(site))
    recipe._distributions.cache_clear()  # another test may have listed the packages before this one was there


@pytest.fixture
def composed():
    """Compose a config anew, with the plugins that are installed by then."""
    return compose_by_hydra


@pytest.fixture(autouse=True)
def _forget_planted_packages(tmp_path):
    """Let no test import what another has planted under the same name."""
    yield
    planted = {path.stem for path in tmp_path.iterdir()}
    for name in [name for name in sys.modules if name.partition(".")[0] in planted]:
        sys.modules.pop(name)


def plant(folder, name, value, code=""):
    """Write by hand what pip would leave of a plugin: its package and the entry point."""
    info = folder / f"{name}-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[synthtrust.conf]\n{name} = {value}\n")
    if code:
        (folder / name / "conf" / "generator").mkdir(parents=True)
        (folder / name / "__init__.py").write_text(code)
        (folder / name / "conf" / "generator" / f"{name}_option.yaml").write_text(f"_target_: {name}.Nothing\n")


def command(site, folder, *arguments, program=(str(ROOT / "train.py"),)):
    environment = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "WORLD_SIZE")}
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=folder, env=environment | {"PYTHONPATH": str(site)},
        capture_output=True, text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


def offered(composed):
    """Return the generators that the message for a wrong name lists."""
    with pytest.raises(MissingConfigException) as error:
        composed("train", "generator=nope")
    return {word.strip() for word in str(error.value).partition("Available options")[2].splitlines()[1:]}


def test_a_wrong_name_lists_the_plugins_options_beside_our_own(installed, composed):
    assert {"transplant", "tissue", "replay", "folder"} <= offered(composed)


def test_without_the_plugin_its_options_are_not_there(composed):
    assert "transplant" not in offered(composed)


def test_the_plugins_option_composes_and_can_be_changed(installed, composed):
    cfg = composed("train", "generator=transplant", "generator.noise=0.1")
    assert cfg.generator == {"_target_": "synthtrust_transplant.transplant.Transplant", "seed": 0, "noise": 0.1}


def test_help_lists_the_plugin_and_stays_light(site, tmp_path):
    done = command(site, tmp_path, "--help")
    assert done.returncode == 0, done.stderr
    options = done.stdout.partition("\ngenerator=")[2].partition("\n\n")[0].splitlines()
    assert "transplant" in [line.split()[0] for line in options[1:]]
    code = (
        "import sys, synthtrust.cli; from hydra import compose, initialize_config_dir; "
        "synthtrust.cli.find_plugins(); initialize_config_dir(synthtrust.cli.conf_dir(), version_base='1.3'); "
        "compose('train', ['generator=transplant', 'paths.output=x']); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'nibabel')))"
    )
    assert command(site, tmp_path, "-c", code, program=()).returncode == 0


def test_a_run_trains_on_the_plugins_twins(installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_here("train.py", "generator=transplant", "alpha=0.0", "name=plug", *TINY) == ""
    assert (tmp_path / "runs" / "plug" / "alpha_0.0_seed_0" / "run.json").exists()
    (card,) = (tmp_path / "synthetic").glob("Transplant-*/card.md")
    assert "synthtrust-transplant 0.1.0" in card.read_text()


def run_tests(folder, log):
    """Run the tests in a folder, in a process that has the imports of this one."""
    os.chdir(folder)
    with log.open("w") as output, redirect_stdout(output), redirect_stderr(output):
        code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests"])
    os._exit(code)  # what this process would clean up is its parent's


def test_the_plugins_own_tests_pass(installed, tmp_path):
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    tests = get_context("fork").Process(target=run_tests, args=(tmp_path, tmp_path / "log.txt"))
    tests.start()
    tests.join(300)
    shown = (tmp_path / "log.txt").read_text()
    assert tests.exitcode == 0, shown
    assert re.search(r"\b1[0-9] passed", shown)


@pytest.mark.parametrize(
    ("name", "value", "code", "problem"),
    [
        ("torn", "torn.conf", "raise ImportError('libpaint.so is missing')", "ImportError: libpaint.so is missing"),
        ("quitter", "quitter.conf", "import sys; sys.exit('no licence')", "SystemExit: no licence"),
        ("gone", "gone.conf", "", "ModuleNotFoundError: No module named 'gone'"),
        ("flat", "json.decoder", "", "it is a single module"),
    ],
)
def test_a_broken_plugin_is_named_and_does_not_hide_the_others(
    installed, composed, tmp_path, monkeypatch, caplog, name, value, code, problem
):
    plant(tmp_path, name, value, code)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"transplant", "tissue"} <= offered(composed)
    (warning,) = {record.getMessage() for record in caplog.records if record.name == "synthtrust.plugins"}
    assert f"Plugin {name!r} brings no options" in warning
    assert problem in warning


def test_a_plugin_that_breaks_when_it_is_chosen_is_named(installed, composed, tmp_path, monkeypatch):
    """Its conf is whole, but what the conf names is not there: the others still compose, and the error says whose."""
    plant(tmp_path, "hollow", "hollow.conf", "'''Nothing here.'''")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"transplant", "hollow_option"} <= offered(composed)
    with pytest.raises(InstantiationException, match=r"hollow\.Nothing"):
        instantiate(composed("train", "generator=hollow_option").generator)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('CUDA driver too old')", "RuntimeError: CUDA driver too old"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("'''Nothing here.'''", "Nothing"),
    ],
    ids=["an error", "an exit", "another name"],
)
def test_a_generator_that_cannot_be_imported_is_one_line_before_anything_is_read(
    composed, tmp_path, monkeypatch, code, why
):
    plant(tmp_path, "sulky", "sulky.conf", code)
    (tmp_path / "sulky" / "conf" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    cfg = composed("train", "generator._target_=sulky.Nothing", "cases.shape=broken")
    with pytest.raises(ValueError, match=rf"^Expected a generator at sulky\.Nothing, but importing it fails .*{why}"):
        check_choices(cfg)


@pytest.mark.parametrize(("name", "kind"), [("Bare", "a class of another kind"), ("make", "a function")])
def test_a_target_that_is_no_generator_is_one_line(composed, tmp_path, monkeypatch, name, kind):
    (tmp_path / "alien.py").write_text("class Bare: pass\ndef make(): return Bare()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=rf"^Expected a generator at alien\.{name}, .* but got {kind}\.$"):
        check_choices(composed("train", f"generator._target_=alien.{name}"))


def test_an_option_that_another_of_its_name_hides_is_named(composed, tmp_path, monkeypatch, caplog):
    for name, option in (("first", "replay"), ("second", "first_option"), ("second", "lonely")):
        if not (tmp_path / name).exists():
            plant(tmp_path, name, f"{name}.conf", "NOTHING = 0")
        (tmp_path / name / "conf" / "generator" / f"{option}.yaml").write_text("_target_: nowhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    composed("train")
    warnings = {record.getMessage() for record in caplog.records if record.name == "synthtrust.plugins"}
    assert warnings == {
        "Plugin 'first' brings generator/replay, which is not used: 'synthtrust' has an option of this name. Rename "
        "it.",
        "Plugin 'second' brings generator/first_option, which is not used: 'first' has an option of this name. Rename "
        "it.",
    }


def test_an_option_that_is_no_yaml_is_one_line(tmp_path):
    plant(tmp_path, "torn", "torn.conf", "NOTHING = 0")
    (tmp_path / "torn" / "conf" / "generator" / "torn_option.yaml").write_text("_target_: [torn: {\n")
    done = command(tmp_path, tmp_path, "generator=torn_option")
    assert done.returncode == 1
    assert done.stderr.startswith("Error in the configuration: while parsing")
    assert "torn_option.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_option_may_be_a_list(composed, tmp_path, monkeypatch):
    (tmp_path / "listed.py").write_text(
        "from dataclasses import dataclass, field\nfrom synthtrust.generators import Replay\n"
        "@dataclass\nclass Scaled(Replay):\n    scales: list = field(default_factory=list)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "listed", raising=False)
    cases = ("cases.n_cases=3", "cases.shape=[24,28,20]", "split.test=1", "split.val=1")
    paths = (f"paths.cases={tmp_path / 'cases'}", f"paths.synthetic={tmp_path / 'set'}", "paths.output=x")
    words = ("generator=replay", "generator._target_=listed.Scaled", "+generator.scales=[1.0,2.0]")
    build_data(composed("train", *cases, *paths, *words))
    (folder,) = (tmp_path / "set").glob("Scaled-*")
    assert load_manifest(folder)["made_by"]["parameters"]["scales"] == [1.0, 2.0]
