"""Does the folder that a server offers give its files and nothing else, whatever lies in it and whatever is asked for?"""

import os
import zipfile
from io import BytesIO

import pytest

from dashboard.work import given
from dashboard.work.environment import FOLDER_VARIABLE, OPEN_VARIABLE
from nmfcore.data.model.errors import UploadError

LINKS = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no links here")


@pytest.fixture
def offered(tmp_path):
    """A folder with files, folders in folders, and a secret beside it."""
    root = tmp_path / "offered"
    for name in ("b.csv", "a.csv", "inner/c.csv", "inner/deep/d.csv", ".hidden/e.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"a,b\n1,{len(name)}\n")
    (root / ".env").write_text("TOKEN=1")
    (tmp_path / "secret.csv").write_text("secret")
    return root


def names(root):
    return [entry.name for entry in given.entries(root)]


def test_files_are_listed_by_name_with_their_sizes_and_hidden_ones_are_not(offered):
    assert names(offered) == ["a.csv", "b.csv", "inner/c.csv", "inner/deep/d.csv"]
    assert all(entry.size == (offered / entry.name).stat().st_size for entry in given.entries(offered))
    assert all(given.read(entry.name, offered) == (offered / entry.name).read_bytes() for entry in given.entries(offered))


@pytest.mark.parametrize(
    "asked",
    [
        "../secret.csv",
        "inner/../../secret.csv",
        "/etc/passwd",
        ".env",
        ".hidden/e.csv",
        "inner",
        "",
        "a.csv/",
        "A.CSV\0",
        "x.csv",
    ],
)
def test_what_is_not_in_the_list_is_not_there(offered, asked):
    with pytest.raises(given.NotThere, match="no such file in this server's folder") as caught:
        given.read(asked, offered)
    assert str(offered) not in str(caught.value)


@LINKS
def test_links_are_neither_listed_nor_followed(offered):
    (offered / "link.csv").symlink_to(offered.parent / "secret.csv")
    (offered / "way").symlink_to(offered.parent)
    assert not {"link.csv", "way/secret.csv"} & set(names(offered))
    for asked in ("link.csv", "way/secret.csv"):
        with pytest.raises(given.NotThere):
            given.read(asked, offered)


@LINKS
def test_a_file_that_became_a_link_since_it_was_listed_is_refused(offered, monkeypatch):
    listed = given.entries(offered)
    (offered / "a.csv").unlink()
    (offered / "a.csv").symlink_to(offered.parent / "secret.csv")
    monkeypatch.setattr(given, "entries", lambda root=None: listed)
    with pytest.raises(given.NotThere):
        given.read("a.csv", offered)


def test_a_file_that_is_gone_since_it_was_listed_is_told(offered, monkeypatch):
    listed = given.entries(offered)
    (offered / "a.csv").unlink()
    monkeypatch.setattr(given, "entries", lambda root=None: listed)
    with pytest.raises(given.NotThere, match="cannot be read any more"):
        given.read("a.csv", offered)


def test_a_file_that_is_too_large_names_both_sizes(offered, monkeypatch):
    monkeypatch.setenv("NMF_LIMIT_UPLOAD_BYTES", str(2**20))
    (offered / "large.csv").write_bytes(bytes(3 * 2**20))
    with pytest.raises(given.NotThere, match="has 3 MB; files up to 1 MB are read"):
        given.read("large.csv", offered)


def test_of_very_many_files_some_are_listed_and_the_depth_is_bounded(offered, monkeypatch):
    monkeypatch.setattr(given, "MOST_LISTED", 3)
    assert len(names(offered)) == 3
    monkeypatch.setattr(given, "MOST_LISTED", 500)
    monkeypatch.setattr(given, "DEEPEST", 1)
    assert names(offered) == ["a.csv", "b.csv", "inner/c.csv"]


def test_without_a_folder_nothing_is_offered(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert given.folder() is None
    assert given.entries() == []
    with pytest.raises(given.NotThere):
        given.read("a.csv")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    assert given.entries() == []


def test_the_environment_names_the_folder_and_the_files_to_open(monkeypatch, offered):
    monkeypatch.setenv(FOLDER_VARIABLE, str(offered))
    assert given.read("a.csv") == (offered / "a.csv").read_bytes()
    monkeypatch.setenv(OPEN_VARIABLE, os.pathsep.join(["", str(offered / "a.csv")]))
    assert given.opened() == ("a.csv", (offered / "a.csv").read_bytes())
    monkeypatch.setenv(OPEN_VARIABLE, "")
    assert given.opened() is None


def test_several_files_are_opened_as_one(offered):
    name, content = given.opened([offered / "a.csv", offered / "b.csv"])
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["a.csv", "b.csv"]
    assert name


def test_a_file_to_open_that_is_not_there_is_refused(offered):
    with pytest.raises(UploadError):
        given.opened([offered / "gone.csv"])
