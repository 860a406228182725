"""A tracker that fails costs the run nothing, whatever was asked of it."""

import logging

import pytest
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from synthtrust.trackers import Tracker, guarded, is_wandb, tell


class Frail(Logger):
    """Fails in one method, and writes down what it was asked before."""

    def __init__(self, fault=None):
        super().__init__()
        self.fault, self.asked = fault, []
        self._ask("__init__")

    def _ask(self, name, answer=None):
        self.asked.append(name)
        if name == self.fault:
            raise OSError(28, "No space left on device")
        return answer

    name = property(lambda self: self._ask("name", "frail"))
    version = property(lambda self: self._ask("version", 3))
    root_dir = property(lambda self: self._ask("root_dir", "root"))
    log_dir = property(lambda self: self._ask("log_dir", "logs"))
    save_dir = property(lambda self: self._ask("save_dir", "save"))
    experiment = property(lambda self: self._ask("experiment", self))

    def log_metrics(self, *_):
        self._ask("log_metrics")

    def log_hyperparams(self, *_):
        self._ask("log_hyperparams")

    def log_graph(self, *_):
        self._ask("log_graph")

    def save(self):
        self._ask("save")

    def finalize(self, status):
        self._ask("finalize")

    def after_save_checkpoint(self, callback):
        self._ask("after_save_checkpoint")


PROPERTIES = ("name", "version", "root_dir", "log_dir", "save_dir", "experiment")
METHODS = {
    "log_metrics": ({"loss": 1.0}, 3), "log_hyperparams": ({"lr": 1.0},), "log_graph": (None,), "save": (),
    "finalize": ("success",), "after_save_checkpoint": (None,),
}  # fmt: skip


def ask_everything(tracker):
    for name in PROPERTIES:
        getattr(tracker, name)
    for name, arguments in METHODS.items():
        getattr(tracker, name)(*arguments)


@pytest.mark.parametrize("fault", ["__init__", *PROPERTIES, *METHODS])
def test_the_first_failure_is_warned_of_and_the_last_that_is_asked(fault, caplog):
    made = []

    def make():
        made.append(Frail.__new__(Frail))
        made[0].__init__(fault)
        return made[0]

    with caplog.at_level(logging.WARNING):
        tracker = Tracker(make, "frail")
        ask_everything(tracker)
        ask_everything(tracker)
    (warning,) = caplog.messages
    assert "The tracker frail failed" in warning
    assert "No space left on device" in warning
    assert made[0].asked[-1] == fault
    assert tracker.behind is None
    assert tracker.log_dir is None


def test_an_online_tracker_that_fails_goes_on_offline_and_loses_nothing_that_is_asked_then(caplog):
    made = []

    def offline():
        made.append(Frail())
        return made[0]

    tracker = Tracker(lambda: Frail("log_metrics"), "wandb", offline)
    tracker.log_metrics({"loss": 1.0}, 3)
    tracker.log_hyperparams({"lr": 1.0})
    assert made[0].asked == ["__init__", "log_metrics", "log_hyperparams"]
    assert "The tracker wandb failed and is kept offline from now on; the run goes on." in caplog.text


def test_a_tracker_that_fails_offline_as_well_is_left_out(caplog):
    tracker = Tracker(lambda: Frail("save"), "wandb", lambda: Frail("save"))
    tracker.save()
    assert tracker.behind is None
    assert [message.partition(";")[0] for message in caplog.messages] == [
        "The tracker wandb failed and is kept offline from now on",
        "The tracker wandb failed and is left out from now on",
    ]


def test_only_wandb_has_an_offline_mode_to_fall_back_on():
    made = []

    def make(node):
        made.append(node)
        raise OSError("no network")

    wandb = {"_target_": "lightning.pytorch.loggers.WandbLogger"}
    guarded([wandb | {"mode": "online"}, wandb | {"mode": "offline"}, {"_target_": "x.MLFlowLogger"}], make)
    assert [node.get("mode") for node in made] == ["online", "offline", None]
    guarded([wandb | {"mode": "online"}], make)[0].save()
    assert [node.get("mode") for node in made[3:]] == ["online"]


def test_whatever_a_logger_can_be_asked_is_guarded():
    public = {name for name in dir(Logger) if not name.startswith("_")}
    assert public - {"group_separator"} <= {*PROPERTIES, *METHODS} <= set(vars(Tracker))


def test_a_tracker_that_works_is_asked_everything():
    frail = Frail()
    ask_everything(Tracker(lambda: frail, "frail"))
    assert set(frail.asked) == {"__init__", *PROPERTIES, *METHODS}


def test_only_a_stop_of_the_program_goes_through():
    tracker = Tracker(Frail, "frail")
    with pytest.raises(KeyboardInterrupt):
        tracker.ask(lambda _: (_ for _ in ()).throw(KeyboardInterrupt))


def test_the_curves_of_the_run_itself_are_behind_no_guard(tmp_path):
    nodes = [{"_target_": "loggers.CSVLogger"}, {"_target_": "loggers.Frail"}]
    csv, frail = guarded(nodes, lambda node: CSVLogger(tmp_path) if "CSV" in node["_target_"] else Frail())
    assert isinstance(csv, CSVLogger)
    assert isinstance(frail, Tracker)


def test_wandb_is_known_behind_its_guard_until_it_fails(tmp_path):
    wandb = WandbLogger(save_dir=tmp_path, mode="disabled")
    guarded_wandb = Tracker(lambda: wandb, "wandb")
    assert is_wandb(wandb)
    assert is_wandb(guarded_wandb)
    tell(guarded_wandb, lambda logger: logger.no_such_method())
    assert not is_wandb(guarded_wandb)
    assert not is_wandb(Frail())
