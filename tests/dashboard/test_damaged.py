"""Does whatever a saved run can hold end in one documented error, or in a run?"""

from __future__ import annotations

import io
import random
import zipfile

import numpy as np
import pytest

from dashboard.files.saved import opened, saved_run
from dashboard.work.fitting import FIRST, fit_work
from dashboard.work.jobs import Jobs
from nmfcore.core.checks import ProblemError
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset

MUTATIONS = 400


@pytest.fixture(scope="module")
def members():
    """The members of a saved run on an upload."""
    data = Dataset(key="upload", title="t", X=np.random.default_rng(0).random((12, 8)))
    stop = StopRule(tol=0.0, max_iter=5)
    spec = FIRST.replace(data="upload", data_options={}, preparation=(), fingerprint=data.fingerprint, rank=3, stop=stop)
    jobs = Jobs()
    job = jobs.submit("k", fit_work(spec, jobs, data), session="s")
    assert job.wait(60)
    with zipfile.ZipFile(io.BytesIO(saved_run(jobs.result("k")))) as archive:
        found = {info.filename: archive.read(info) for info in archive.infolist()}
    jobs.close()
    return found


def damaged(members, seed):
    """One member with a few bytes changed, lost or added, most of them where its header is; all checksums are right."""
    dice = random.Random(seed)
    name = dice.choice(sorted(members))
    content = bytearray(members[name])
    for _ in range(dice.choice([1, 1, 2, 5])):
        at = dice.randrange(min(len(content), 140) if dice.random() < 0.6 else len(content))
        kind = dice.randrange(4)
        if kind == 0:
            content[at] = dice.randrange(256)
        elif kind == 1:
            content[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            del content[at : at + dice.randrange(1, 9)]
        else:
            content[at:at] = dice.randbytes(dice.randrange(1, 9))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for each, held in members.items():
            archive.writestr(each, bytes(content) if each == name else held)
    return out.getvalue()


def test_a_damaged_run_file_is_refused_or_opens(members):
    refused = 0
    for seed in range(MUTATIONS):
        try:
            saved, data = opened(damaged(members, seed))
        except ProblemError:
            refused += 1
        else:
            assert saved.fit.W.shape == (12, 3)
            assert data is not None
    assert refused > MUTATIONS // 2


def test_a_truncated_run_file_is_refused(members):
    whole = damaged(members, 0)
    for share in range(1, 20):
        with pytest.raises(ProblemError):
            opened(whole[: len(whole) * share // 20])
