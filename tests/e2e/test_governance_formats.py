"""What we sign and log, read by programs that others wrote: securesystemslib (DSSE), in-toto's own classes, the
cryptography package (cosignatures, OMS keys), and model_signing where it is installed."""
import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import time
import tomllib

import pytest
from conftest import BUNDLED, CHARTER, charter
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house that has released the bundled model, through every step that its log knows."""
    data = tmp_path_factory.mktemp("formats") / "house"
    charter("init", "--data", data)
    charter("propose", "--model", BUNDLED, "--evidence", BUNDLED / "evidence", "--data", data)
    charter("vote", "--for", "--data", data)
    charter("release", "--data", data)
    return data


class Witness:
    def __init__(self, folder, name, log_vkey):
        self.folder, self.ready, self.process = folder, folder.parent / f"{folder.name}.json", None
        self.line = charter("witness", "init", name, "--data", folder).stdout.split()
        charter("witness", "trust", log_vkey, "--data", folder)

    def start(self):
        self.ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [CHARTER, "witness", "serve", "--data", self.folder, "--listen", "127.0.0.1:0", "--ready", self.ready])
        while not self.ready.exists():
            assert self.process.poll() is None
            time.sleep(0.01)
        return json.loads(self.ready.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()


def vkey_bytes(vkey):
    """Type and raw key of name+hash+base64; the hash is checked."""
    name, digest, blob = vkey.split("+", 2)
    raw = base64.b64decode(blob)
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == digest
    return name, bytes.fromhex(digest), raw[0], raw[1:]


def statements(data):
    return [json.loads(line) for line in (data / "log" / "statements.jsonl").read_text().splitlines()]


def test_securesystemslib_verifies_every_envelope(house):
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey
    rules = tomllib.loads((house / "charter" / "charter.toml").read_text())
    vkeys = [vkey for holder in rules["person"] + rules.get("service", []) for vkey in holder["keys"]]
    vkeys.append(json.loads((house / "charter" / "pin.json").read_text())["log_vkey"])
    keys = []
    for vkey in vkeys:
        name, _, kind, raw = vkey_bytes(vkey)
        assert kind == 1
        keys.append(SSlibKey(name, "ed25519", "ed25519", {"public": raw.hex()}))
    logged = statements(house)
    assert len(logged) > 8
    for line in logged:
        assert Envelope.from_dict(line["envelope"]).verify(keys, 1)


def test_in_toto_reads_our_statements(house):
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    seen = set()
    for line in statements(house):
        if line["envelope"]["payloadType"] != "application/vnd.in-toto+json":
            continue
        message = json_format.Parse(base64.b64decode(line["envelope"]["payload"]), statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        seen.add(message.predicate_type)
    assert {"https://slsa.dev/verification_summary/v1", "https://charter.example/release/v1"} <= seen


def write_policy(house, witnesses, quorum):
    pin = json.loads((house / "charter" / "pin.json").read_text())
    lines = [f"log {pin['log_vkey']}"]
    for number, ready in enumerate(witnesses, 1):
        lines.append(f"witness W{number} {ready['vkey']} {ready['url']}")
    lines += [f"group G {quorum} " + " ".join(f"W{n + 1}" for n in range(len(witnesses))), "quorum G"]
    policy = house / "charter" / "policy.txt"
    policy.write_text("\n".join(lines) + "\n")
    return policy


def test_witnesses_cosign_survive_a_kill_and_prove(house, tmp_path):
    pin = json.loads((house / "charter" / "pin.json").read_text())
    witnesses = [Witness(tmp_path / f"w{i}", f"witness.example/{i}", pin["log_vkey"]) for i in range(2)]
    policy = write_policy(house, [w.start() for w in witnesses], 2)
    try:
        charter("log", "witness", "--data", house)
        for witness in witnesses:
            witness.kill()
        away = charter("log", "witness", "--data", house)
        assert "met" in away.stdout, "what was cosigned stays"
        policy = write_policy(house, [w.start() for w in witnesses], 2)
        collected = json.loads(charter("log", "witness", "--data", house, "--json").stdout)
        assert collected["quorum"] and all("cosignature" in w for w in collected["witnesses"])
    finally:
        for witness in witnesses:
            witness.kill()
    text, signatures = (house / "log" / "checkpoint").read_text().rsplit("\n\n", 1)
    by_name = {line.split()[1]: base64.b64decode(line.split()[2]) for line in signatures.splitlines()}
    for witness in witnesses:
        name, key_id, kind, raw = vkey_bytes(witness.line[2])
        blob = by_name[name]
        assert kind == 4 and blob[:4] == key_id and len(blob) == 76
        moment = int.from_bytes(blob[4:12], "big")
        assert abs(moment - time.time()) < 300
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(
            blob[12:], f"cosignature/v1\ntime {moment}\n{text}\n".encode())
    for index in range(0, int(collected["size"]), 3):
        entry, proof = tmp_path / "entry", tmp_path / f"{index}.tlog-proof"
        proof.write_text(charter("log", "prove", index, "--entry", entry, "--data", house).stdout)
        charter("log", "check", proof, "--entry", entry, "--policy", policy)
        other = proof.read_text().replace(f"index {index}\n", f"index {index + 1}\n")
        proof.write_text(other)
        wrong = charter("log", "check", proof, "--entry", entry, "--policy", policy, check=False)
        assert wrong.returncode == 65 and "index" in wrong.stderr


def test_the_exported_log_hashes_to_its_checkpoint(house, tmp_path):
    """RFC 6962 in a few lines of Python, over the files that any web server could hold."""
    charter("log", "export", tmp_path / "public", "--data", house)
    _, size, root = (tmp_path / "public" / "checkpoint").read_text().splitlines()[:3]
    bundle = (tmp_path / "public" / "tile" / "entries" / "000.p" / size).read_bytes()
    leaves = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(hashlib.sha256(b"\0" + bundle[2:2 + length]).digest())
        bundle = bundle[2 + length:]
    assert b"".join(leaves) == (tmp_path / "public" / "tile" / "0" / "000.p" / size).read_bytes()

    def tree(nodes):
        if len(nodes) == 1:
            return nodes[0]
        k = 1 << (len(nodes) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + tree(nodes[:k]) + tree(nodes[k:])).digest()

    assert len(leaves) == int(size) and base64.b64encode(tree(leaves)).decode() == root


def pae(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


@pytest.fixture
def signed_model(tmp_path):
    model, key = tmp_path / "model", tmp_path / "key.pem"
    shutil.copytree(BUNDLED, model)
    charter("oms", "keygen", "--out", key)
    charter("oms", "sign", model, "--key", key)
    return model, key


def test_a_model_signature_verifies_elsewhere(signed_model):
    model, key = signed_model
    bundle = json.loads((model / "model.sig").read_text())
    public = serialization.load_pem_public_key((key.parent / "key.pem.pub").read_bytes())
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(pem).hexdigest()
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), pae(envelope["payloadType"], payload),
                  ec.ECDSA(hashes.SHA256()))
    statement = json.loads(payload)
    digests = [bytes.fromhex(r["digest"]) for r in statement["predicate"]["resources"]]
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(b"".join(digests)).hexdigest()


def test_the_makers_tool_and_ours_agree(signed_model, tmp_path):
    if importlib.util.find_spec("model_signing") is None:
        pytest.skip("model-signing brings sigstore and tuf with it and is not among the tests' packages")
    model, key = signed_model
    tool = [sys.executable, "-m", "model_signing"]
    signature = model / "model.sig"
    subprocess.run([*tool, "verify", "key", model, "--signature", signature, "--public_key", f"{key}.pub"], check=True)
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        theirs = ec.generate_private_key(curve)
        (tmp_path / "their.pem").write_bytes(theirs.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (tmp_path / "their.pub").write_bytes(theirs.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        subprocess.run([*tool, "sign", "key", model, "--signature", signature, "--private_key",
                        tmp_path / "their.pem"], check=True)
        charter("oms", "verify", model, "--key", tmp_path / "their.pub")
    (model / "config.json").write_text("{}")
    changed = charter("oms", "verify", model, "--key", tmp_path / "their.pub", check=False)
    assert changed.returncode == 65 and "config.json" in changed.stderr
