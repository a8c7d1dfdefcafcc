"""What a stranger can tell from a bundle and a pin alone: a release is verified, and every alteration of it is refused,
also by a log operator who can sign whatever log they like, but has no person's key."""
import base64
import copy
import json
import subprocess

import adversary
import pytest
from adversary import b64, bundle_bytes, canonical
from conftest import CHARTER
from test_attacks import AT_ONCE, Council, code_of


@pytest.fixture(scope="module")
def released():
    council = Council(AT_ONCE)
    at = council.release(stages=["100"])
    council.last = int(at["leaf"])
    return council


def bundle_of(council):
    return copy.deepcopy(council.house.bundle(range(council.last + 1), int(council.opened["leaf"]), council.last))


def verify(folder, bundle, pin):
    """With nothing but the two files and the program."""
    folder.mkdir(exist_ok=True)
    (folder / "bundle.json").write_bytes(bundle if isinstance(bundle, bytes) else bundle_bytes(bundle))
    (folder / "pin.json").write_text(pin)
    return subprocess.run([CHARTER, "verify", "bundle.json", "--pin", "pin.json", "--json"], cwd=folder, capture_output=True,
                          text=True, timeout=60, env={"HOME": "/nonexistent", "PATH": "/nonexistent"})


def test_a_stranger_verifies_a_release(released, tmp_path):
    done = verify(tmp_path, bundle_of(released), released.house.pin())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["verified"] and said["manifest_digest"] == released.digest and said["proposal"] == released.proposed
    assert said["persons"] == ["p.bea", "p.cai", "p.dan", "p.eve", "p.fay"] and not said["one_person_decides"]


def flipped(text):
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return b64(bytes(raw))


def change_leaf(field, value):
    def change(entry):
        leaf = json.loads(entry["leaf"])
        leaf[field] = value
        entry["leaf"] = canonical(leaf).decode()
    return change


LEAF_CHANGES = {
    "seq": change_leaf("seq", "99"), "sha256": change_leaf("sha256", "11" * 32), "subject": change_leaf("subject", "11" * 32),
    "time": change_leaf("time", "2026-01-01T00:00:00Z"), "type": change_leaf("type", "alarm/v1"), "v": change_leaf("v", "2"),
    "proof flipped": lambda e: e["proof"].__setitem__(0, flipped(e["proof"][0])), "proof shorter": lambda e: e["proof"].pop(),
    "proof longer": lambda e: e["proof"].append(e["proof"][0]), "proof reversed": lambda e: e["proof"].reverse(),
    "hash cut": lambda e: e["proof"].__setitem__(0, b64(base64.b64decode(e["proof"][0])[:31]))}


@pytest.mark.parametrize("name", LEAF_CHANGES)
def test_every_leaf_and_proof(released, tmp_path, name):
    for i in range(released.last + 1):
        bundle = bundle_of(released)
        LEAF_CHANGES[name](bundle["leaves"][i])
        done = verify(tmp_path, bundle, released.house.pin())
        assert code_of(done) in ("INCONSISTENT", "MALFORMED", "DIGEST_MISMATCH"), (i, done.stderr)


def paths(value, path=()):
    """Where the texts and truths of a JSON value are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))
    if isinstance(value, (str, bool)):
        yield path


def altered(value):
    if isinstance(value, bool):
        return not value
    if value.isdigit():
        return str(int(value) + 1)
    return {"for": "against", "PASSED": "FAILED"}.get(value, value[:-1] + ("0" if value[-1:] != "0" else "1"))


def change_payloads(envelopes):
    """Every single field of every payload changed, one at a time: (where, the envelopes so changed)."""
    for i, signed in enumerate(envelopes):
        for path in paths(adversary.payload_of(signed)):
            changed = copy.deepcopy(envelopes)
            payload = adversary.payload_of(signed)
            at = payload
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = altered(at[path[-1]])
            changed[i]["payload"] = b64(canonical(payload))
            yield (i, path), changed


@pytest.mark.parametrize("part", ["ballots", "statements"])
def test_every_field_of_every_statement(released, tmp_path, part):
    """Votes, evidence numbers, certificate fields, digests: the entry names another envelope."""
    count = 0
    for where, changed in change_payloads(bundle_of(released)[part]):
        done = verify(tmp_path, {**bundle_of(released), part: changed}, released.house.pin())
        assert code_of(done) == "DIGEST_MISMATCH", (where, done.stderr)
        count += 1
    assert count > 60


def test_every_signature_and_its_hint(released, tmp_path):
    for part in ("ballots", "statements"):
        for i in range(len(bundle_of(released)[part])):
            for change in (lambda s: s.update(sig=flipped(s["sig"])), lambda s: s.update(keyid="p.hal"), lambda s: s.pop("keyid")):
                bundle = bundle_of(released)
                change(bundle[part][i]["signatures"][0])
                assert code_of(verify(tmp_path, bundle, released.house.pin())) == "DIGEST_MISMATCH", (part, i)


def test_ballots_that_are_left_out_doubled_or_swapped(released, tmp_path):
    for i in range(5):
        less, twice, without_leaf = (bundle_of(released) for _ in range(3))
        less["ballots"].pop(i)
        twice["ballots"].insert(i, twice["ballots"][i])
        without_leaf["ballots"].pop(i)
        without_leaf["leaves"].pop(int(released.opened["leaf"]) + 1 + i)
        assert code_of(verify(tmp_path, less, released.house.pin())) in ("BALLOT_MISSING", "DIGEST_MISMATCH")
        assert code_of(verify(tmp_path, twice, released.house.pin())) == "DIGEST_MISMATCH"
        assert code_of(verify(tmp_path, without_leaf, released.house.pin())) == "BALLOT_MISSING"
    swapped = bundle_of(released)
    swapped["ballots"].reverse()
    assert code_of(verify(tmp_path, swapped, released.house.pin())) == "DIGEST_MISMATCH"


@pytest.mark.parametrize("change", [
    lambda t: t.replace("\n11\n", "\n12\n"), lambda t: t.replace("\n11\n", "\n011\n"), lambda t: t.replace("\n11\n", "\n11 \n"),
    lambda t: t.replace("attacked/house/log\n", "attacked/twin/log\n", 1), lambda t: t[:-10] + ("A" if t[-10] != "A" else "B") + t[-9:],
    lambda t: t.split("\n\n")[0] + "\n\n", lambda t: t.replace("\n11\n", "\n11\r\n"), lambda t: t.replace("=\n\n", "\n\n", 1),
    lambda t: t + t.split("\n\n")[1].replace("house/log ", "house+log "), lambda t: t.replace("\n\n", "\nextension\n\n", 1),
    lambda t: t.replace("log\n", "log\x01\n", 1)],
    ids=["size", "zero in front", "space", "origin", "signature", "unsigned", "carriage return", "padding", "plus", "extension", "control"])
def test_17_every_part_of_the_checkpoint(released, tmp_path, change):
    bundle = bundle_of(released)
    bundle["checkpoint"] = change(bundle["checkpoint"])
    assert bundle["checkpoint"] != bundle_of(released)["checkpoint"]
    assert code_of(verify(tmp_path, bundle, released.house.pin())) in ("MALFORMED", "BAD_SIG")


def test_another_log_key_signs_the_same_log(released, tmp_path):
    """The whole bundle is right, but for who signed the checkpoint; and the pin is of somebody else."""
    bundle = bundle_of(released)
    thief = adversary.Key(released.house.log_key.name)
    house = released.house
    bundle["checkpoint"] = adversary.checkpoint(thief, len(house.entries), adversary.root(house.hashes()))
    assert code_of(verify(tmp_path, bundle, house.pin())) in ("BAD_SIG", "MALFORMED")
    other = json.loads(house.pin())
    other["log_vkey"] = thief.vkey()
    assert code_of(verify(tmp_path, bundle, json.dumps(other))) == "CONTEXT_MISMATCH"
    charter_of_others = {**json.loads(house.pin()), "charter_sha256": "11" * 32}
    assert code_of(verify(tmp_path, bundle_of(released), json.dumps(charter_of_others))) == "CONTEXT_MISMATCH"


def relogged(council, change):
    """The operator changes one statement after it was made, writes the log anew from there, and signs its checkpoint."""
    house = council.house.copy()
    entries, envelopes = house.entries, [copy.deepcopy(e) for e in house.envelopes]
    house.entries, house.envelopes = [], []
    change(envelopes)
    for entry, signed in zip(entries, envelopes):
        leaf = json.loads(entry)
        leaf["sha256"] = adversary.sha256(canonical(signed)).hex()
        house.entries.append(canonical(leaf))
        house.envelopes.append(signed)
    attacked = copy.copy(council)
    attacked.house = house
    return bundle_of(attacked)


def test_an_operator_who_writes_the_log_anew_has_no_persons_key(released, tmp_path):
    """Every field of every ballot and of the certificate, in a log that is consistent and properly signed."""
    codes = set()
    envelopes = released.house.envelopes
    last = released.last
    for i in [*range(int(released.opened["leaf"]) + 1, last - 1), last]:
        for path in paths(adversary.payload_of(envelopes[i])):
            def change(signed):
                payload = at = adversary.payload_of(signed[i])
                for step in path[:-1]:
                    at = at[step]
                at[path[-1]] = altered(at[path[-1]])
                signed[i]["payload"] = b64(canonical(payload))
            done = verify(tmp_path, relogged(released, change), released.house.pin())
            codes.add(code_of(done))
    assert {"BAD_SIG", "CONTEXT_MISMATCH", "SUBJECT_MISMATCH"} <= codes, codes


def test_an_operator_takes_out_a_vote_against(tmp_path):
    """Board 3 for and 1 against: without the fourth ballot, the tally that names it is not the tally of what is there."""
    council = Council(AT_ONCE)
    council.propose()
    against = council.vote("p.ada", vote="against")
    ballots = [against] + [council.vote(p) for p in ("p.bea", "p.cai", "p.dan")]
    ballots += [council.vote(p, "safety") for p in ("p.eve", "p.fay")]
    counts = [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)]
    tally = council.tally(ballots[1:], counts, 72 * 3600)
    at = council.add("tally", tally, "p.ada", subject=council.proposed, at=72 * 3600)
    done = council.add("release", council.certificate(at, 120 * 3600, stages=["100"]), "p.ada", subject=council.digest, at=120 * 3600)
    council.last = int(done["leaf"])
    assert code_of(verify(tmp_path, bundle_of(council), council.house.pin())) == "BALLOT_MISSING"


@pytest.mark.parametrize("change", [
    lambda t: b"\xef\xbb\xbf" + t, lambda t: t[:-2], lambda t: t + b"{}", lambda t: t.replace(b'{"ballots":', b'{"ballots":[],"ballots":', 1),
    lambda t: t.replace(b"{", b"{ ", 1), lambda t: t.replace(b'"leaves"', b'"leaves":[],"more"', 1), lambda t: b"", lambda t: b"null",
    lambda t: b"[" * 100000, lambda t: t.replace(b"bundle/v1", b"bundle/v2"), lambda t: t[:-1]],
    ids=["mark", "cut", "more", "twice", "space", "unknown", "empty", "null", "deep", "version", "no newline"])
def test_22_bundles_that_are_spelt_otherwise(released, tmp_path, change):
    text = bundle_bytes(bundle_of(released))
    assert code_of(verify(tmp_path, change(text), released.house.pin())) in ("PARSE_STRICT", "MALFORMED", "UNKNOWN_FIELD", "WRONG_TYPE")
