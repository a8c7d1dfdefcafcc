"""The attacks that need a running server, a served model or two processes at once: statements over HTTP and by file from
machines that never meet the server, logs put back or forked, leases that end, models that were touched, kills at any time."""
import base64
import copy
import json
import signal
import subprocess
import threading
import time

import adversary
import httpx2 as httpx
import pytest
from adversary import Key, canonical
from conftest import BUNDLED, CHARTER, Server, charter
from test_attacks import AT_ONCE, CHAT, HOUR, Council, code_of, state_of, verify_log


def served(council, data, *keys):
    council.house.write(data, *keys)
    return Server(data, "--allow-no-model")


def post(server, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{server.url}/v1/charter/statements", content=raw, timeout=30,
                      headers={"authorization": f"Bearer {server.ready['api_key']}", "content-type": "application/json"})


def size_of(server):
    return json.loads(charter("log", "checkpoint", "--json", "--data", server.data).stdout)["size"]


@pytest.fixture
def open_vote(tmp_path):
    council = Council(AT_ONCE)
    council.propose()
    server = served(council, tmp_path / "data")
    yield council, server
    assert server.stop() == 0, server.log_text()


def envelope(council, kind, payload, *signers, keys=()):
    return adversary.envelope(kind, payload, *(council.keys[s] for s in signers), *keys)


def test_a_ballot_signed_far_away_is_accepted_by_http_and_by_file(open_vote, tmp_path):
    """The voters have the public log alone; what they send back is a file."""
    council, server = open_vote
    at = int(time.time() - council.start)
    answer = post(server, envelope(council, "ballot", council.ballot("p.bea", at=at), "p.bea"))
    assert answer.status_code == 201 and answer.json()["signers"] == ["p.bea"], answer.text
    by_file = tmp_path / "ballot.json"
    by_file.write_text(json.dumps(envelope(council, "ballot", council.ballot("p.cai", at=at), "p.cai")))
    charter("sign", by_file, "--only-log", "--data", server.data)
    assert size_of(server) == len(council.house.entries) + 2
    last = [json.loads(line)["type"] for line in charter("log", "show", "--json", "--data", server.data).stdout.splitlines()[-2:]]
    assert last == ["ballot/v1", "ballot/v1"]


def hostile(council):
    """By attack: what is handed in, and how it must be refused. The log is the one of `open_vote`."""
    at = int(time.time() - council.start)
    ballot = lambda person, body="board", **more: council.ballot(person, body, at=at, **more)
    elsewhere = ballot("p.bea")
    elsewhere["context"]["origin"] = "attacked/twin/log"
    forged = envelope(council, "ballot", ballot("p.bea"), "p.bea")
    s = base64.b64decode(forged["signatures"][0]["sig"])
    forged["signatures"][0]["sig"] = adversary.b64(s[:32] + (int.from_bytes(s[32:], "little") + adversary.ORDER).to_bytes(32, "little"))
    counts = [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)]
    shown = adversary.evidence("small", council.digest, "arith-en", 200, 200, council.start)
    hole = adversary.evidence("small", council.digest, "arith-en", 180, 200, council.start, {"size": "199", "passed": "179"})
    poor = adversary.evidence("small", council.digest, "arith-en", 120, 200, council.start)
    doubled = canonical(ballot("p.bea")).replace(b'"vote":"for"', b'"vote":"against","vote":"for"')
    resume = council.said("resume", at, channel="chat", manifest=council.digest, epoch="2", stop_epoch="0",
                          halt=council.gate, incident=council.gate)
    return [
        (1, envelope(council, "tally", council.tally([], counts, at), "p.ada", keys=[council.ada_2]), {"THRESHOLD_UNMET"}),
        (2, envelope(council, "ballot", elsewhere, "p.bea"), {"CONTEXT_MISMATCH"}),
        (2, envelope(council, "ballot", ballot("p.bea", proposal="11" * 32), "p.bea"), {"SUBJECT_MISMATCH"}),
        (3, envelope(council, "evidence", hole, "s.judge"), {"EVIDENCE_INCOMPLETE"}),
        (11, envelope(council, "charter", {"type": "charter/v1", "context": council.house.context(), "text": council.house.text,
                                           "log_vkey": council.house.log_key.vkey()}, "p.ada"), {"CHARTER_CHAIN"}),
        (13, envelope(council, "ballot", ballot("p.hal", "investors"), "p.hal"), {"CLASS_FORBIDDEN"}),
        (13, envelope(council, "ballot", ballot("p.bea"), "p.bea", "p.hal"), {"CLASS_FORBIDDEN"}),
        (14, envelope(council, "release", council.certificate(council.gate, at, epoch="0"), "p.ada"), {"ROLLBACK"}),
        (14, envelope(council, "resume", resume, "p.ada", "p.eve"), {"SUBJECT_MISMATCH", "ROLLBACK"}),
        (20, forged, {"BAD_SIG"}),
        (20, envelope(council, "ballot", ballot("p.bea"), keys=[Key("p.bea")]), {"BAD_SIG"}),
        (22, adversary.envelope("ballot", doubled, council.keys["p.bea"]), {"PARSE_STRICT", "MALFORMED"}),
        (24, envelope(council, "evidence", shown, "s.trainer"), {"DUTY_CONFLICT"}),
        (24, envelope(council, "evidence", poor, "p.ada"), {"DUTY_CONFLICT"}),
    ]


def test_statements_that_are_attacks_change_nothing(open_vote, tmp_path):
    council, server = open_vote
    before, state = size_of(server), state_of(server.data)
    for row, signed, codes in hostile(council):
        answer = post(server, signed)
        error = answer.json()["error"]
        assert answer.status_code in (400, 403, 409) and error["code"] in codes, (row, answer.status_code, error)
        if "in-toto" in signed["payloadType"]:
            continue  # what services attest comes by their own commands
        (tmp_path / "hostile.json").write_text(json.dumps(signed))
        done = charter("sign", tmp_path / "hostile.json", "--only-log", "--data", server.data, check=False)
        assert done.returncode in (65, 69) and any(f"[{code}]" in done.stderr for code in codes), (row, done.stderr)
    assert size_of(server) == before and state_of(server.data) == state


@pytest.mark.parametrize("raw", [
    b"", b"{", b"null", b"[]", b"\xff", b"[" * 100000, b'{"payload":"e30=","payload":"e30=","payloadType":"x","signatures":[]}',
    b'{"payload":"e30=","payloadType":"application/vnd.charter.ballot.v1+json","signatures":[]}',
    b'{"payload":"!","payloadType":"application/vnd.charter.ballot.v1+json","signatures":[{"sig":"AA=="}]}',
    b'{"payload":"e30=","payloadType":"application/vnd.charter.nothing.v1+json","signatures":[{"sig":"AA=="}]}',
    b'{"payload":"e30=","payloadType":"application/vnd.charter.cosigned.v1+json","signatures":[{"sig":"AA=="}]}',
    b'{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}],"extra":1}'])
def test_22_bodies_that_are_no_envelope(server, raw):
    answer = post(server, raw)
    assert answer.status_code in (400, 403) and answer.json()["error"]["message"], answer.text


def test_nobody_hands_in_without_a_key(open_vote):
    council, server = open_vote
    signed = envelope(council, "ballot", council.ballot("p.bea", at=60), "p.bea")
    assert httpx.post(f"{server.url}/v1/charter/statements", json=signed).status_code == 401


def test_ballots_at_the_same_time_through_both_doors(open_vote, tmp_path):
    """Six voters at once, half over HTTP and half by file: each ballot once, the log whole."""
    council, server = open_vote
    at = int(time.time() - council.start)
    seats = [("p.ada", "board"), ("p.bea", "board"), ("p.cai", "board"), ("p.dan", "board"), ("p.eve", "safety"), ("p.fay", "safety")]
    signed = [envelope(council, "ballot", council.ballot(p, b, at=at), p) for p, b in seats]
    failures = []

    def hand_in(i):
        for _ in range(50):
            if i % 2:
                answer = post(server, signed[i])
                if answer.status_code == 201:
                    return
                if answer.status_code != 503:
                    return failures.append(answer.text)
            else:
                (tmp_path / f"{i}.json").write_text(json.dumps(signed[i]))
                done = charter("sign", tmp_path / f"{i}.json", "--only-log", "--data", server.data, check=False)
                if done.returncode == 0:
                    return
                if "[LOCKED]" not in done.stderr:
                    return failures.append(done.stderr)
            time.sleep(0.05)
        failures.append(f"ballot {i} never got in")

    threads = [threading.Thread(target=hand_in, args=(i,)) for i in range(len(seats))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert size_of(server) == len(council.house.entries) + len(seats)
    charter("log", "verify", "--data", server.data)


def test_killed_at_any_moment_a_statement_is_logged_whole_or_not_at_all(tmp_path):
    """Kills the command that logs a ballot after ever longer times; the log always reads, and nothing is there by half."""
    council = Council(AT_ONCE)
    council.propose()
    data = council.house.write(tmp_path / "data")
    signed = tmp_path / "ballot.json"
    signed.write_text(json.dumps(envelope(council, "ballot", council.ballot("p.bea"), "p.bea")))
    begun = time.monotonic()
    charter("log", "verify", "--data", data)
    usual = time.monotonic() - begun
    sizes = set()
    for i in range(40):
        process = subprocess.Popen([CHARTER, "sign", signed, "--only-log", "--data", data], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(usual * i / 20)
        process.kill()
        process.wait()
        said = json.loads(charter("log", "verify", "--json", "--data", data).stdout)
        assert said["size"] in (len(council.house.entries), len(council.house.entries) + 1)
        sizes.add(said["size"])
    charter("sign", signed, "--only-log", "--data", data, check=False)
    assert json.loads(charter("log", "verify", "--json", "--data", data).stdout)["size"] == len(council.house.entries) + 1


def with_model(**more):
    """A council that releases the bundled model."""
    council = Council(AT_ONCE, **more)
    beside = {"manifest.json", "release", "evidence", "checkpoint", "train.jsonl", "loss.svg"}
    council.files = {p.name: p.read_bytes() for p in BUNDLED.iterdir() if p.name not in beside}
    council.manifest = adversary.manifest(council.files)
    council.digest = adversary.manifest_digest(council.manifest)
    return council


def place_model(council, at, data, channel="chat"):
    last = int(at["leaf"])
    folder = data / "models" / channel
    (folder / "release").mkdir(parents=True)
    for name, content in council.files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_bytes(canonical(council.manifest))
    bundle = council.house.bundle(range(last + 1), int(council.opened["leaf"]), last)
    (folder / "release" / "bundle.json").write_bytes(adversary.bundle_bytes(bundle))
    return folder


def ask(server, model="chat"):
    return httpx.post(f"{server.url}/v1/chat/completions", timeout=60, headers={"authorization": f"Bearer {server.ready['api_key']}"},
                      json={"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2})


@pytest.fixture
def council_of_chat(tmp_path):
    council = with_model()
    at = council.release(stages=["100"])
    data = council.house.write(tmp_path / "data")
    return council, at, data, place_model(council, at, data)


def refused_to_serve(data, tmp_path):
    done = subprocess.run([CHARTER, "serve", "--data", data, "--listen", "127.0.0.1:0", "--ready", tmp_path / "never"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and not (tmp_path / "never").exists()
    return done.stderr


def test_the_council_s_release_is_served(council_of_chat):
    _, _, data, _ = council_of_chat
    server = Server(data)
    assert ask(server).status_code == 200
    assert server.stop() == 0


def test_02_a_release_under_another_channel_s_name(council_of_chat, tmp_path):
    _, _, data, folder = council_of_chat
    folder.rename(data / "models" / "gpt")
    server = Server(data, "--allow-no-model")
    try:
        assert ask(server, "gpt").status_code == 404
    finally:
        server.stop()


def symlink(folder):
    (folder / "config.json").rename(folder.parent.parent / "config.json")
    (folder / "config.json").symlink_to(folder.parent.parent / "config.json")


def permute(folder):
    """Two files change names: for OMS 1.0 the root of the folder can stay the same."""
    (folder / "card.md").rename(folder / "x")
    (folder / "config.json").rename(folder / "card.md")
    (folder / "x").rename(folder / "config.json")


@pytest.mark.parametrize("touch, code", [
    (symlink, "MANIFEST_SYMLINK"), (permute, "MANIFEST_DIGEST"), (lambda f: (f / "extra.bin").write_bytes(b"x"), "MANIFEST_UNLISTED"),
    (lambda f: (f / "card.md").unlink(), "MANIFEST_MISSING"), (lambda f: (f / "card.md").write_bytes(b""), "MANIFEST_DIGEST"),
    (lambda f: (f / "card.md").rename(f / "cards.md"), "MANIFEST_MISSING"), (lambda f: (f / "sub").mkdir() or (f / "sub" / "a").touch(), "MANIFEST_UNLISTED")],
    ids=["symlink", "permuted", "unlisted", "missing", "emptied", "renamed", "folder"])
def test_18_a_model_that_was_touched(council_of_chat, tmp_path, touch, code):
    _, _, data, folder = council_of_chat
    touch(folder)
    done = charter("verify", folder, "--data", data, check=False)
    assert code_of(done) == code
    assert "chat" in refused_to_serve(data, tmp_path)


@pytest.mark.parametrize("change, code", [
    (lambda m: m["resources"].clear(), "MANIFEST_EMPTY"), (lambda m: m["resources"].reverse(), "MANIFEST_ORDER"),
    (lambda m: m["resources"][0].update(name="../x"), "MANIFEST_NAME"), (lambda m: m["resources"][0].update(name="a\\b"), "MANIFEST_NAME"),
    (lambda m: m["resources"][0].update(algorithm="blake2b"), "MANIFEST_METHOD"),
    (lambda m: m["serialization"].update(ignore_paths=["model.safetensors"]), "MANIFEST_METHOD"),
    (lambda m: m["serialization"].update(allow_symlinks=True), "MANIFEST_METHOD"),
    (lambda m: m["serialization"].update(method="shards"), "MANIFEST_METHOD"),
    (lambda m: m["resources"].append(m["resources"][-1]), "MANIFEST_ORDER")],
    ids=["empty", "order", "outside", "backslash", "algorithm", "ignored", "symlinks", "shards", "twice"])
def test_18_manifests_that_say_something_else(tmp_path, change, code):
    council = Council(AT_ONCE)
    shown, gate = council.judged()
    council.manifest = copy.deepcopy(council.manifest)
    change(council.manifest)
    council.add("proposal", council.proposal(shown, gate), "p.ada", subject=council.digest, at=1)
    assert verify_log(council.house, tmp_path / "data") == code


def test_16_a_log_put_back_or_forked_stops_the_node(council_of_chat, tmp_path):
    """The node remembers the log it has seen: a shorter one and another one of equal size are both refused."""
    council, at, data, folder = council_of_chat
    council.say("stop", "p.eve", 121 * HOUR, subject=CHAT, channel="chat", holder="p.eve", stop_epoch="1", reason="harm")
    council.house.write(data)
    server = Server(data, "--allow-no-model")
    assert ask(server).status_code in (404, 503)
    assert server.stop() == 0
    without_stop = council.house.copy()
    without_stop.entries, without_stop.envelopes = without_stop.entries[:-1], without_stop.envelopes[:-1]
    without_stop.write(data)
    assert "[ROLLBACK]" in refused_to_serve(data, tmp_path)
    attacked = copy.copy(council)
    attacked.house = without_stop
    attacked.say("alarm", "p.ada", 121 * HOUR, subject=council.digest, channel="chat", manifest=council.digest, cause="refused",
                 source="p.ada", detail="nothing", readings=[])
    without_stop.write(data)
    said = refused_to_serve(data, tmp_path)
    assert "[INCONSISTENT]" in said or "[ROLLBACK]" in said, said


@pytest.fixture
def witness(tmp_path):
    council = Council(AT_ONCE)
    council.propose()
    folder = tmp_path / "witness"
    charter("witness", "init", "witness.example/one", "--data", folder)
    charter("witness", "trust", council.house.log_key.vkey(), "--data", folder)
    process = subprocess.Popen([CHARTER, "witness", "serve", "--data", folder, "--listen", "127.0.0.1:0", "--ready", tmp_path / "ready"])
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.01)
    url = json.loads((tmp_path / "ready").read_text())["url"]
    yield council, url
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def add_checkpoint(url, old, proof, note):
    return httpx.post(f"{url}/add-checkpoint", content=(f"old {old}\n" + "".join(adversary.b64(h) + "\n" for h in proof) + "\n" + note).encode())


def test_16_a_witness_cosigns_no_fork(witness):
    council, url = witness
    house = council.house
    first = add_checkpoint(url, 0, [], house.checkpoint())
    assert first.status_code == 200 and first.text.startswith("— witness.example/one "), first.text
    old, fork = len(house.entries), house.copy()
    council.vote("p.bea")
    council.vote("p.cai")
    hashes = house.hashes()
    proof = adversary.consistency(old, hashes)
    # Equal size and another root; a longer one that does not extend it; a proof that is not; a shorter one.
    fork.entries[-1] = fork.entries[-1].replace(b"proposal/v1", b"alarm/v1")
    assert add_checkpoint(url, old, [], fork.checkpoint()).status_code == 422
    fork.entries.extend(house.entries[old:])
    assert add_checkpoint(url, old, adversary.consistency(old, fork.hashes()), fork.checkpoint()).status_code == 422
    assert add_checkpoint(url, old, proof[:-1], house.checkpoint()).status_code == 422
    assert add_checkpoint(url, old, proof[::-1] + proof, house.checkpoint()).status_code == 422
    assert add_checkpoint(url, 0, [], house.checkpoint()).status_code == 409
    assert add_checkpoint(url, old + 9, proof, house.checkpoint()).status_code == 400
    assert add_checkpoint(url, old, proof, house.checkpoint()).status_code == 200
    later = add_checkpoint(url, old, proof, house.checkpoint())
    assert later.status_code == 409 and later.text == f"{len(house.entries)}\n"


@pytest.mark.parametrize("change, status", [
    (lambda t: t.replace("old 0", "old 00"), 400), (lambda t: t.replace("old 0\n", "old 0\r\n"), 400), (lambda t: t.replace("old 0", "old -1"), 400),
    (lambda t: t.replace("attacked/house", "attacked/twin"), 404), (lambda t: t[:-10] + "AAAAAAA==\n", 403), (lambda t: "", 400),
    (lambda t: t.replace("\n4\n", "\n004\n"), 403), (lambda t: t.replace("old 0\n", "old 0\n" + "A" * 43 + "\n"), 400),
    (lambda t: t.replace("\n\n—", "\n\n—\x01"), 400)],
    ids=["zeros", "carriage return", "negative", "unknown log", "no signature of the log", "empty", "zeros in the size", "padding", "control"])
def test_17_what_a_witness_cannot_read(witness, change, status):
    council, url = witness
    answer = httpx.post(f"{url}/add-checkpoint", content=change("old 0\n\n" + council.house.checkpoint()).encode())
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("size", ["004", "+4", " 4", "4 ", "0x4", "18446744073709551616", "-4", ""])
def test_17_sizes_that_the_log_itself_signed(witness, size):
    council, url = witness
    note = adversary.checkpoint(council.house.log_key, size, adversary.root(council.house.hashes()))
    assert add_checkpoint(url, 0, [], note).status_code == 400
