"""Fetching Keycloak, from a real HTTP server that stands in for the repository."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sidecar.demo import distribution
from sidecar.demo.distribution import copy_distribution, keycloak_distribution
from sidecar.demo.report import Report
from sidecar.errors import DemoError

VERSION = "1.2.3"
PATH = f"/maven/org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip"


def packed(script: str = f"keycloak-{VERSION}/bin/kc.sh") -> bytes:
    """A distribution with one script that may be run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(script)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\n")
    return buffer.getvalue()


class Repository:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                repository.asked.append(self.path)
                body = repository.files.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path in repository.cut else body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}/maven"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def repository():
    with Repository() as repository:
        yield repository


@pytest.fixture
def fetch(repository, tmp_path):
    def fetch(version=VERSION, known=None, url=None):
        return keycloak_distribution(
            version,
            downloads=tmp_path / "downloads",
            report=Report.silent(),
            repository=url or repository.url,
            known_sha256=known or {},
        )

    return fetch


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def leftovers(tmp_path) -> list[str]:
    return sorted(entry.name for entry in (tmp_path / "downloads").iterdir())


def test_it_is_fetched_unpacked_and_may_be_run(repository, fetch):
    repository.files[PATH] = packed()
    home = fetch(known={VERSION: sha256(packed())})
    assert home.name == f"keycloak-{VERSION}"
    assert (home / "bin" / "kc.sh").stat().st_mode & 0o111


def test_it_is_fetched_once_and_only_the_unpacked_folder_is_kept(repository, fetch, tmp_path):
    repository.files[PATH] = packed()
    known = {VERSION: sha256(packed())}
    assert fetch(known=known) == fetch(known=known)
    assert repository.asked == [PATH]
    assert leftovers(tmp_path) == [f"keycloak-{VERSION}", "lock"]


def test_another_file_than_the_known_one_is_refused_and_deleted(repository, fetch, tmp_path):
    repository.files[PATH] = packed()
    with pytest.raises(DemoError, match=r"is not Keycloak 1\.2\.3.*it was deleted"):
        fetch(known={VERSION: "0" * 64})
    assert leftovers(tmp_path) == ["lock"]


@pytest.mark.parametrize("algorithm", ["sha1", "md5"])
def test_an_unknown_version_must_fit_the_repositorys_own_checksum(repository, fetch, algorithm):
    repository.files[PATH] = packed()
    repository.files[f"{PATH}.{algorithm}"] = (
        f"{hashlib.new(algorithm, packed()).hexdigest()}  x.zip\n".encode()
    )
    assert fetch().is_dir()


def test_an_unknown_version_that_does_not_fit_is_refused(repository, fetch, tmp_path):
    repository.files[PATH] = packed()
    repository.files[f"{PATH}.sha1"] = b"0" * 40
    with pytest.raises(DemoError, match="the repository's own SHA1"):
        fetch()
    assert leftovers(tmp_path) == ["lock"]


def test_an_unknown_version_without_any_checksum_is_not_used(repository, fetch):
    repository.files[PATH] = packed()
    with pytest.raises(DemoError, match="there is no checksum"):
        fetch()
    assert PATH not in repository.asked


def test_a_download_that_breaks_off_leaves_nothing_and_the_next_one_works(repository, fetch, tmp_path):
    repository.files[PATH] = packed()
    repository.cut.add(PATH)
    known = {VERSION: sha256(packed())}
    with pytest.raises(DemoError, match=r"broke off.*start again"):
        fetch(known=known)
    assert leftovers(tmp_path) == ["lock"]
    repository.cut.clear()
    assert fetch(known=known).is_dir()


def test_a_half_made_unpack_is_never_used(repository, fetch, tmp_path, monkeypatch):
    repository.files[PATH] = packed()
    known = {VERSION: sha256(packed())}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(distribution, "_restore_modes", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(known=known)
    assert f"keycloak-{VERSION}" not in leftovers(tmp_path)
    home = fetch(known=known)
    assert (home / "bin" / "kc.sh").stat().st_mode & 0o111
    assert repository.asked == [PATH]  # the archive was whole, so it was not fetched again


def test_an_archive_with_something_else_in_it_is_refused(repository, fetch, tmp_path):
    body = packed("other/bin/kc.sh")
    repository.files[PATH] = body
    with pytest.raises(DemoError, match=r"holds no keycloak-1\.2\.3/bin/kc\.sh"):
        fetch(known={VERSION: sha256(body)})
    assert f"keycloak-{VERSION}" not in leftovers(tmp_path)


def test_something_that_is_no_archive_is_refused(repository, fetch):
    repository.files[PATH] = b"<html>Log in to the hotel's network</html>"
    with pytest.raises(DemoError, match="can't be unpacked"):
        fetch(known={VERSION: sha256(repository.files[PATH])})


def test_an_archive_put_there_by_hand_is_taken(repository, fetch, tmp_path):
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f"keycloak-quarkus-dist-{VERSION}.zip").write_bytes(packed())
    assert fetch(known={VERSION: sha256(packed())}).is_dir()
    assert repository.asked == []


def test_a_wrong_archive_put_there_by_hand_is_replaced(repository, fetch, tmp_path):
    repository.files[PATH] = packed()
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f"keycloak-quarkus-dist-{VERSION}.zip").write_bytes(b"wrong")
    assert fetch(known={VERSION: sha256(packed())}).is_dir()


def test_a_version_that_does_not_exist_is_named(fetch):
    with pytest.raises(DemoError, match=r"has no Keycloak 1\.2\.3.*KEYCLOAK_VERSION"):
        fetch(known={VERSION: "0" * 64})


@pytest.mark.parametrize("version", ["latest", "26.7.4-SNAPSHOT", "../26.7.4", "", "26"])
def test_what_is_no_version_is_refused_before_anything_is_asked(repository, fetch, version):
    with pytest.raises(DemoError, match="is no version of Keycloak"):
        fetch(version)
    assert repository.asked == []


def test_without_a_network_the_cause_and_the_ways_out_are_named(fetch, free_port):
    url = f"http://127.0.0.1:{free_port()}/maven"
    with pytest.raises(DemoError, match=r"can't be fetched.*refused.*HTTPS_PROXY.*MAVEN_REPOSITORY"):
        fetch(known={VERSION: "0" * 64}, url=url)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DemoError, match="PASSWORDLESS_CACHE"):
        keycloak_distribution(VERSION, downloads=tmp_path / "file" / "downloads", report=Report.silent())


def test_a_copy_is_whole_and_the_original_stays_pristine(tmp_path):
    pristine = tmp_path / "pristine"
    (pristine / "bin").mkdir(parents=True)
    (pristine / "bin" / "kc.sh").write_text("#!/bin/sh\n")
    copy_distribution(pristine, tmp_path / "state" / "keycloak")
    (tmp_path / "state" / "keycloak" / "bin" / "kc.sh").write_text("changed")
    assert (pristine / "bin" / "kc.sh").read_text() == "#!/bin/sh\n"
