"""Is a run's specification complete, stable and strict?"""

import json
import subprocess
import sys

import pytest

from nmfcore.core.spec import RunSpec, StopRule

SPEC = RunSpec(
    data="newsgroups",
    data_options={"categories": ["sci.space", "alt.atheism"], "subset": "all"},
    preparation=({"step": "tfidf", "min_df": 2}, {"step": "scale", "by": 0.1}),
    fingerprint="ab" * 32,
    solver="mu",
    solver_options={"exponent": "mm"},
    loss="kullback-leibler",
    rank=20,
    init="random",
    seed=7,
    stop=StopRule(tol=1e-6, max_iter=50, max_seconds=None, kkt=1e-3),
    penalty={"l2_W": 0.5},
)


def test_a_spec_survives_json():
    assert RunSpec.from_json(SPEC.to_json()) == SPEC
    assert RunSpec.from_json(RunSpec().to_json()) == RunSpec()


def test_every_field_changes_the_key():
    changes = {
        "data": "tv",
        "data_options": {"subset": "train"},
        "preparation": (),
        "fingerprint": "cd" * 32,
        "solver": "hals",
        "solver_options": {},
        "loss": "frobenius",
        "rank": 21,
        "init": "nndsvd",
        "seed": 8,
        "stop": StopRule(),
        "penalty": {"l2_H": 0.5},
        "symmetric": True,
    }
    assert set(changes) == set(SPEC.to_dict())
    keys = {SPEC.replace(**{name: value}).key for name, value in changes.items()}
    assert len(keys | {SPEC.key}) == len(changes) + 1


def test_the_order_of_options_does_not_change_the_key():
    turned = SPEC.replace(data_options=dict(reversed(SPEC.data_options.items())))
    assert turned.key == SPEC.key
    assert hash(turned) == hash(SPEC)


def test_the_key_is_the_same_in_another_process():
    code = f"from nmfcore.core.spec import RunSpec; print(RunSpec.from_json({SPEC.to_json()!r}).key)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == SPEC.key


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"sover": "mu"}, "specification: sover"),
        ({"stop": {"tolerance": 1}}, "stop rule: tolerance"),
        ({"penalty": {"ridge": 1.0}}, "penalty: ridge"),
        ({"penalty": {"l2_W": -1.0}}, "l2_W of the penalty .*not -1.0"),
        ({"penalty": {"l2_W": float("nan")}}, "l2_W of the penalty .*not nan"),
        ({"penalty": {"l2_W": "1"}}, "l2_W of the penalty .*not '1'"),
        ({"penalty": [1.0]}, "penalty"),
        ({"rank": "3"}, "rank = '3'"),
        ({"seed": True}, "seed"),
        ({"solver": 3}, "solver"),
        ({"symmetric": 1}, "symmetric"),
        ({"preparation": ["tfidf"]}, "preparation"),
        ({"stop": {"max_iter": None}}, "max_iter"),
        ({"stop": 3}, "stop"),
        (["rank"], "mapping"),
    ],
)
def test_unknown_names_and_values_of_another_kind_are_refused(plain, words):
    with pytest.raises(ValueError, match=words):
        RunSpec.from_dict(plain)


def test_json_holds_no_infinities_that_other_readers_refuse():
    with pytest.raises(ValueError, match="or None, not inf"):
        StopRule(max_seconds=float("inf"))
    assert json.loads(SPEC.to_json())["stop"]["max_seconds"] is None


def test_a_penalty_of_zero_is_no_penalty():
    assert RunSpec(penalty={"l1_W": 0.0, "l2_H": 0}) == RunSpec()
    assert RunSpec(penalty={"l2_W": 1}).key == RunSpec(penalty={"l1_W": 0.0, "l2_W": 1.0}).key
