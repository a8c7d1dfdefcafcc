"""Charter's formats, made again from their specifications by somebody who means harm: Ed25519 (RFC 8032), Merkle trees
(RFC 6962), DSSE envelopes, C2SP notes, checkpoints and cosignatures, canonical JSON (RFC 8785), and whole houses with a
log of one's own making. Nothing here calls the program under test."""
import base64
import datetime
import hashlib
import json
import os

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# Ed25519: points are (X, Y, Z, T) with x = X/Z, y = Y/Z, T = XY/Z.
def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    out = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point = add(point, point)
        scalar >>= 1
    return out


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


BASE = base_point()


def integer(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class Key:
    """A private key under a name; `kind` 1 signs notes and envelopes, 4 cosigns."""

    def __init__(self, name, seed=None, kind=1):
        self.name, self.kind = name, kind
        self.seed = seed or os.urandom(32)
        digest = hashlib.sha512(self.seed).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
        self.prefix = digest[32:]
        self.public = encode(multiply(self.scalar, BASE))

    def sign(self, message):
        r = integer(self.prefix, message) % ORDER
        point = encode(multiply(r, BASE))
        s = (r + integer(point, self.public, message) * self.scalar) % ORDER
        return point + s.to_bytes(32, "little")

    def id(self):
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)[:4]

    def vkey(self):
        return f"{self.name}+{self.id().hex()}+{b64(bytes([self.kind]) + self.public)}"

    def private(self):
        return f"PRIVATE+KEY+{self.name}+{self.id().hex()}+{b64(bytes([self.kind]) + self.seed)}"


# Merkle trees.
def leaf_hash(entry):
    return sha256(b"\0" + entry)


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(hashes):
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha256(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def inclusion(index, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def consistency(old, hashes, whole=True):
    """RFC 6962 2.1.2: that the first `old` hashes are the beginning of all of them."""
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return consistency(old, hashes[:k], whole) + [root(hashes[k:])]
    return consistency(old - k, hashes[k:], False) + [root(hashes[:k])]


# Texts.
def canonical(value):
    """RFC 8785 for what our statements hold: objects, lists, strings, booleans and null."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def moment(seconds):
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def nonce():
    return os.urandom(32).hex()


def note(text, *signatures):
    """`signatures`: pairs of key and bytes."""
    return text + "\n" + "".join(f"— {key.name} {b64(key.id() + signature)}\n" for key, signature in signatures)


def checkpoint(key, size, tree_root, cosigned=()):
    """`cosigned`: pairs of a witness's key and its time."""
    text = f"{key.name}\n{size}\n{b64(tree_root)}\n"
    lines = [(key, key.sign(text.encode()))]
    for witness, time in cosigned:
        message = f"cosignature/v1\ntime {int(time)}\n{text}".encode()
        lines.append((witness, int(time).to_bytes(8, "big") + witness.sign(message)))
    return note(text, *lines)


def authenticated(payload_type, payload):
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


IN_TOTO = "application/vnd.in-toto+json"
IN_TOTO_KINDS = {"evidence", "gate", "release"}


def envelope(kind, payload, *keys):
    """`payload`: bytes, or what canonical() writes."""
    payload = payload if isinstance(payload, bytes) else canonical(payload)
    payload_type = IN_TOTO if kind in IN_TOTO_KINDS else f"application/vnd.charter.{kind}.v1+json"
    message = authenticated(payload_type, payload)
    return {"payload": b64(payload), "payloadType": payload_type,
            "signatures": [{"keyid": key.name, "sig": b64(key.sign(message))} for key in keys]}


def payload_of(signed):
    return json.loads(base64.b64decode(signed["payload"]))


def statement(name, digest, predicate_type, predicate):
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": name, "digest": {"sha256": digest}}],
            "predicateType": predicate_type, "predicate": predicate}


def manifest(files):
    """Of {"name": bytes}."""
    return {"resources": [{"name": name, "algorithm": "sha256", "digest": sha256(files[name]).hex()} for name in sorted(files)],
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False,
                              "ignore_paths": ["manifest.json", "release", "evidence", "checkpoint", "train.jsonl", "loss.svg"]}}


def manifest_digest(listed):
    return sha256(canonical(listed)).hex()


def oms_root(listed):
    return sha256(b"".join(bytes.fromhex(r["digest"]) for r in listed["resources"])).hex()


def evidence(model, digest, suite, passed, size, finished, changed=None):
    """A judge's statement; `changed` are fields of the results' annotations."""
    notes = {"complete": True, "size": str(size), "epochs": "1", "passed": str(passed), "failed": str(size - passed),
             "errors": "0", "metric": "accuracy", "finished": moment(finished), **(changed or {})}
    configuration = [
        {"name": "suite", "uri": f"suite:{suite}@1", "digest": {"sha256": sha256(suite.encode()).hex()},
         "annotations": {"size": str(size), "epochs": "1"}},
        {"name": "results", "digest": {"sha256": sha256(os.urandom(8)).hex()}, "annotations": notes}]
    return statement(model, digest, "https://in-toto.io/attestation/test-result/v0.1",
                     {"result": "PASSED" if passed == size else "WARNED", "configuration": configuration})


class House:
    """A house whose whole data folder, private keys of the log included, is the adversary's."""

    def __init__(self, charter_text, house_id, founder, start, policy=None):
        self.id, self.text, self.start = house_id, charter_text, start
        self.log_key = Key(f"{house_id}/log")
        self.genesis, self.genesis_text = self.charter_sha256(), charter_text  # pinned, also after amendments
        self.version, self.entries, self.envelopes = 1, [], []
        first = {"type": "charter/v1", "context": self.context(), "log_vkey": self.log_key.vkey(), "text": charter_text}
        if policy:
            first["witness_policy"] = policy
        self.log("charter", first, founder, subject=self.charter_sha256(), at=start)

    def charter_sha256(self):
        return sha256(self.text.encode()).hex()

    def context(self, **changed):
        charter = {"id": self.id, "version": str(self.version), "sha256": self.charter_sha256()}
        return {"charter": charter, "nonce": nonce(), "origin": f"{self.id}/log", **changed}

    def log(self, kind, payload, *keys, subject, at):
        """Adds an entry without asking anybody; returns its reference."""
        return self.log_envelope(kind, envelope(kind, payload, *keys), subject=subject, at=at)

    def log_envelope(self, kind, signed, subject, at):
        digest = sha256(canonical(signed)).hex()
        entry = {"v": "1", "type": f"{kind}/v1", "seq": str(len(self.entries)), "sha256": digest, "subject": subject,
                 "time": moment(at)}
        self.entries.append(canonical(entry))
        self.envelopes.append(signed)
        return {"leaf": entry["seq"], "sha256": digest}

    def copy(self):
        other = object.__new__(House)
        other.__dict__.update(self.__dict__, entries=list(self.entries), envelopes=list(self.envelopes))
        return other

    def hashes(self):
        return [leaf_hash(entry) for entry in self.entries]

    def checkpoint(self, cosigned=()):
        return checkpoint(self.log_key, len(self.entries), root(self.hashes()), cosigned)

    def pin(self):
        return json.dumps({"origin": self.log_key.name, "log_vkey": self.log_key.vkey(), "charter_sha256": self.genesis})

    def write(self, data, *keys):
        """The data folder, with the private keys of `keys`."""
        (data / "charter" / "keys").mkdir(parents=True, exist_ok=True)
        (data / "log").mkdir(exist_ok=True)
        (data / "charter" / "charter.toml").write_text(self.genesis_text)
        (data / "charter" / "pin.json").write_text(self.pin())
        for key in (self.log_key, *keys):
            name = "log" if key is self.log_key else key.name
            (data / "charter" / "keys" / f"{name}.key").write_text(key.private() + "\n")
        lines = [canonical({"envelope": signed, "leaf": entry.decode()}) + b"\n"
                 for entry, signed in zip(self.entries, self.envelopes)]
        (data / "log" / "statements.jsonl").write_bytes(b"".join(lines))
        self.write_public(data / "log")
        return data

    def write_public(self, log, cosigned=()):
        """checkpoint and tile/ of a log of fewer than 256 entries (C2SP tlog-tiles)."""
        size = len(self.entries)
        assert 0 < size < 256
        (log / "checkpoint").write_text(self.checkpoint(cosigned))
        for level, content in (("0", b"".join(self.hashes())),
                               ("entries", b"".join(len(e).to_bytes(2, "big") + e for e in self.entries))):
            tile = log / "tile" / level / "000.p" / str(size)
            tile.parent.mkdir(parents=True, exist_ok=True)
            tile.write_bytes(content)

    def bundle(self, about, first, last):
        """A release bundle of the entries `about` and all from `first` to `last`."""
        hashes = self.hashes()
        indexes = sorted(set(about) | set(range(first, last + 1)))
        is_ballot = lambda i: b'"type":"ballot/v1"' in self.entries[i]
        return {"v": "charter.example/bundle/v1", "checkpoint": self.checkpoint(),
                "leaves": [{"leaf": self.entries[i].decode(), "proof": [b64(h) for h in inclusion(i, hashes)]} for i in indexes],
                "statements": [self.envelopes[i] for i in indexes if i in about and not is_ballot(i)],
                "ballots": [self.envelopes[i] for i in indexes if i in about and is_ballot(i)]}


def bundle_bytes(bundle):
    return canonical(bundle) + b"\n"
