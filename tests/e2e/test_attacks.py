"""The attacks of the governance specification, by number, made by an adversary who writes our formats without our code
and owns whatever the attack needs: keys, a whole log, a folder on disk. Each is refused by its name, through the program."""
import base64
import json
import math
import re
import time

import adversary
import pytest
from adversary import Key, canonical, moment, sha256
from conftest import charter

HOUR, DAY = 3600, 86400

RULES = """
[[body]]
id = "board"
class = "control"
seats = 4
min_filled = 3
members = ["p.ada", "p.bea", "p.cai", "p.dan"]
[[body]]
id = "safety"
class = "control"
seats = 2
min_filled = 1
members = ["p.eve", "p.fay"]
[[body]]
id = "investors"
class = "economic"
members = ["p.hal"]
[rule.normal]
threshold = "1/2"
floor_for = 2
notice = "0s"
timelock = "0s"
expires = "14d"
[rule.expand]
threshold = "2/3"
floor_for = 3
notice = "72h"
timelock = "48h"
expires = "21d"
consent = ["safety"]
[rule.entrenched]
threshold = "5/6"
floor_for = 4
notice = "30d"
timelock = "30d"
expires = "90d"
consent = ["safety"]
[[power]]
action = "model.promote"
body = "board"
rule = "expand"
needs = ["manifest.sealed", "gate.passed", "evidence.fresh<=90d", "two_bodies"]
[[power]]
action = "charter.amend"
body = "board"
rule = "expand"
[[power]]
action = "person.remove_executive"
body = "board"
rule = "expand"
recuse = ["subject"]
notify = ["subject", "board", "investors"]
[[power]]
action = "stop"
rule = "any_one"
holders = ["board.*", "safety.*", "monitor.*"]
[[power]]
action = "resume"
body = "board"
rule = "normal"
consent = ["safety"]
[entrench]
paths = ["entrench", "rule.entrenched", "power.stop", "body.investors.class"]
[[gate]]
id = "arithmetic"
suite = "arith-en"
metric = "accuracy"
direction = "lower"
limit = "0.60"
alpha = "0.05"
min_n = 200
[[monitor]]
id = "harm.rate"
[rollout]
stages = [1, 25, 100]
min_exposures = 1000
min_stage = "24h"
"""
PERSONS = ["ada", "bea", "cai", "dan", "eve", "fay", "hal"]
SERVICES = {"s.judge": "judge", "s.gate": "gate", "s.monitor": "monitor", "s.trainer": "trainer"}


AT_ONCE = RULES[:RULES.index("[[monitor]]")]  # without stages: a release has all of the traffic


class Council:
    """A council's house, whose log the adversary writes: every entry is signed by whom it says, unless the attack is that."""

    def __init__(self, rules=RULES, head="", start=None, policy=None, seeds=None):
        self.keys = {f"p.{name}": Key(f"p.{name}", (seeds or {}).get(f"p.{name}")) for name in PERSONS}
        self.keys |= {name: Key(name) for name in SERVICES}
        self.ada_2 = Key("p.ada.laptop")
        text = '[charter]\nid = "attacked/house"\nversion = 1\nprev_sha256 = ""\n' + head
        for name in PERSONS:
            second = f', "{self.ada_2.vkey()}"' if name == "ada" else ""
            text += f'[[person]]\nid = "p.{name}"\nkeys = ["{self.keys["p." + name].vkey()}"{second}]\n'
        for name, role in SERVICES.items():
            text += f'[[service]]\nid = "{name}"\nrole = "{role}"\nkeys = ["{self.keys[name].vkey()}"]\n'
        self.start = int(start or time.time() - 10 * DAY)
        self.house = adversary.House(text + rules, "attacked/house", self.keys["p.ada"], self.start, policy)
        self.files = {"model.safetensors": b"weights", "config.json": b"{}"}
        self.manifest = adversary.manifest(self.files)
        self.digest = adversary.manifest_digest(self.manifest)

    def add(self, kind, payload, *signers, subject, at):
        return self.house.log(kind, payload, *(self.keys[s] for s in signers), subject=subject, at=self.start + at)

    def standard(self):
        gate = {"id": "arithmetic", "suite": "arith-en", "suite_root": "", "metric": "accuracy", "direction": "lower",
                "limit": "0.60", "alpha": "0.05", "bound": "", "min_n": "200", "channels": []}
        return sha256(canonical([gate])).hex()

    def judged(self, passed=180, size=200, digest=None, at=0, **changed):
        """Evidence, and the gate's verdict on it, as references."""
        shown = adversary.evidence("small", digest or self.digest, "arith-en", passed, size, self.start + at, changed)
        one = self.add("evidence", shown, "s.judge", subject=digest or self.digest, at=at)
        return one, self.add("gate", self.verdict([one], at), "s.gate", subject=self.digest, at=at)

    def verdict(self, inputs, at, channel="chat"):
        resource = lambda uri, digest: {"uri": uri, "digest": {"sha256": digest}}
        predicate = {"verifier": {"id": "https://charter.example/gate/v1"}, "timeVerified": moment(self.start + at),
                     "resourceUri": f"channel:{channel}", "policy": resource("standard", self.standard()),
                     "inputAttestations": [resource(f"log:{i['leaf']}", i["sha256"]) for i in inputs],
                     "verificationResult": "PASSED", "verifiedLevels": ["CHARTER_GATE_PASSED"], "slsaVersion": "1.0"}
        return adversary.statement("small", self.digest, "https://slsa.dev/verification_summary/v1", predicate)

    def proposal(self, shown, gate, at=0, **changed):
        return {"type": "proposal/v1", "context": self.house.context(), "action": "model.promote", "channel": "chat",
                "person": "p.ada", "model": "small", "manifest": self.manifest, "evidence": [shown], "gate": gate, "epoch": "1",
                "created": moment(self.start + at), "expires": moment(self.start + at + 20 * DAY), **changed}

    def propose(self, **changed):
        shown, gate = self.judged()
        proposal = self.proposal(shown, gate, **changed)
        self.proposed = sha256(canonical(proposal)).hex()
        self.gate, self.shown = gate, shown
        self.opened = self.add("proposal", proposal, "p.ada", subject=self.digest, at=0)
        return self.proposed

    def ballot(self, person, body="board", vote="for", at=1, **changed):
        size = len(self.house.entries)
        return {"type": "ballot/v1", "context": self.house.context(), "proposal": self.proposed, "body": body, "person": person,
                "vote": vote, "checkpoint": {"size": str(size), "root": adversary.root(self.house.hashes()).hex()},
                "created": moment(self.start + at), "expires": moment(self.start + 20 * DAY), **changed}

    def vote(self, person, body="board", vote="for", at=1, **changed):
        return self.add("ballot", self.ballot(person, body, vote, at, **changed), person, subject=self.proposed, at=at)

    def tally(self, ballots, counts, at, **changed):
        """`counts`: of each body its name, seats, eligible, for, needed and whether it passed."""
        results = [{"body": body, "seats": str(seats), "eligible": str(eligible), "for": str(votes), "against": "0", "abstain": "0",
                    "needed": str(needed), "passed": passed} for body, seats, eligible, votes, needed, passed in counts]
        return {"type": "tally/v1", "context": self.house.context(), "proposal": self.proposed, "person": "p.ada", "ballots": ballots,
                "results": results, "created": moment(self.start + at), **changed}

    def certificate(self, tally, at, **changed):
        listed = payload_annotations(self.house.envelopes[int(self.shown["leaf"])])
        predicate = {"manifestDigest": self.digest, "releaseUnit": sha256(canonical({"v": "1", "manifest": self.digest})).hex(),
                     "channel": "chat", "epoch": "1", "charter": {"version": "1", "sha256": self.house.charter_sha256()},
                     "standard": self.standard(), "gate": self.gate, "evidence": [{**listed, "leaf": self.shown["leaf"]}],
                     "proposal": self.proposed, "tally": tally, "stages": ["1", "25", "100"], "maxShare": "100",
                     "notBefore": moment(self.start + at), "notAfter": moment(self.start + 90 * DAY), "stopEpochMin": "0",
                     "nonce": adversary.nonce(), **changed}
        return adversary.statement("small", adversary.oms_root(self.manifest), "https://charter.example/release/v1", predicate)

    def pass_vote(self):
        """Three of the board and both of safety, counted when notice is over."""
        self.propose()
        ballots = [self.vote(p) for p in ("p.bea", "p.cai", "p.dan")] + [self.vote(p, "safety") for p in ("p.eve", "p.fay")]
        counts = [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)]
        return self.add("tally", self.tally(ballots, counts, 72 * HOUR), "p.ada", subject=self.proposed, at=72 * HOUR)

    def release(self, **changed):
        tally = self.pass_vote()
        return self.add("release", self.certificate(tally, 120 * HOUR, **changed), "p.ada", subject=self.digest, at=120 * HOUR)

    def say(self, kind, signer, at, subject=None, **fields):
        """Logs a statement that says these fields."""
        payload = self.said(kind, at, **fields)
        return self.add(kind, payload, signer, subject=subject or self.proposed, at=at)

    def said(self, kind, at, **fields):
        return {"type": f"{kind}/v1", "context": self.house.context(), "created": moment(self.start + at), **fields}


def payload_annotations(signed):
    suite, results = adversary.payload_of(signed)["predicate"]["configuration"]
    return {"suite": suite["uri"].removeprefix("suite:"), "suiteRoot": suite["digest"]["sha256"],
            "resultRoot": results["digest"]["sha256"], "size": suite["annotations"]["size"], "epochs": suite["annotations"]["epochs"]}


def code_of(done):
    """The refusal's name, which the program prints in brackets behind its sentence."""
    assert done.returncode in (65, 69), done.stderr
    assert '"verified":true' not in done.stdout, done.stdout
    found = re.search(r"\[([A-Z_]+)\]$", done.stderr.strip())
    assert found, done.stderr
    return found[1]


def verify_log(house, folder):
    """What `charter log verify` calls the house's last entry."""
    done = charter("log", "verify", "--json", "--data", house.write(folder), check=False)
    assert f"entry {len(house.entries) - 1} of the log is not a step" in done.stderr, (done.stdout[:500], done.stderr)
    return code_of(done)


def attack(council, tmp_path, kind, payload, *signers, subject=None, at=1, keys=()):
    """The log is right up to here, and then its operator adds this; how the program refuses it."""
    attacked = council.house.copy()
    signed = adversary.envelope(kind, payload, *(council.keys[s] for s in signers), *keys)
    attacked.log_envelope(kind, signed, subject=subject or council.proposed, at=council.start + at)
    return verify_log(attacked, tmp_path / f"attack-{time.monotonic_ns()}")


def test_the_adversary_can_also_play_by_the_rules(tmp_path):
    """The control of every test below: without an attack the same house is accepted, entry by entry."""
    council = Council()
    council.release()
    done = charter("log", "verify", "--json", "--data", council.house.write(tmp_path / "data"), check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size"] == len(council.house.entries) == 11



def init(tmp_path, text, council):
    """`charter init` with this charter."""
    (tmp_path / "charter.toml").write_text(text)
    (tmp_path / "ada.key").write_text(council.keys["p.ada"].private())
    return charter("init", "--charter", tmp_path / "charter.toml", "--as", "p.ada", "--key", tmp_path / "ada.key",
                   "--data", tmp_path / "new", check=False)


def test_01_two_keys_are_not_two_persons(tmp_path):
    council = Council()
    council.propose()
    ballots = [council.vote("p.ada"), council.vote("p.bea")]
    ballots += [council.vote(p, "safety") for p in ("p.eve", "p.fay")]
    second = council.ballot("p.ada")
    assert attack(council, tmp_path, "ballot", second, keys=[council.ada_2]) == "BALLOT_EXISTS"
    claimed = [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)]
    tally = council.tally(ballots, claimed, 72 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", keys=[council.ada_2], at=72 * HOUR) == "THRESHOLD_UNMET"


def test_01_one_ballot_signed_with_both_keys_counts_once(tmp_path):
    council = Council()
    council.propose()
    both = adversary.envelope("ballot", council.ballot("p.ada"), council.keys["p.ada"], council.ada_2)
    ballots = [council.house.log_envelope("ballot", both, subject=council.proposed, at=council.start + 1), council.vote("p.bea")]
    ballots += [council.vote(p, "safety") for p in ("p.eve", "p.fay")]
    tally = council.tally(ballots, [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)], 72 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=72 * HOUR) == "THRESHOLD_UNMET"


def test_01_one_key_under_two_names(tmp_path):
    council = Council()
    twin = Key("p.bea", council.keys["p.ada"].seed)
    done = init(tmp_path, council.house.text.replace(council.keys["p.bea"].vkey(), twin.vkey()), council)
    assert code_of(done) == "CHARTER_LINT" and not (tmp_path / "new" / "charter").exists()


def test_02_a_ballot_means_nothing_elsewhere(tmp_path):
    council = Council()
    council.propose()
    elsewhere = council.ballot("p.bea")
    elsewhere["context"]["origin"] = "attacked/twin/log"
    assert attack(council, tmp_path, "ballot", elsewhere, "p.bea") == "CONTEXT_MISMATCH"
    elsewhere = council.ballot("p.bea")
    elsewhere["context"]["charter"]["sha256"] = "00" * 32
    assert attack(council, tmp_path, "ballot", elsewhere, "p.bea") == "CONTEXT_MISMATCH"
    other = council.ballot("p.bea", proposal=sha256(b"another model").hex())
    assert attack(council, tmp_path, "ballot", other, "p.bea", subject=other["proposal"]) == "SUBJECT_MISMATCH"
    once = council.ballot("p.bea")
    council.add("ballot", once, "p.bea", subject=council.proposed, at=1)
    assert attack(council, tmp_path, "ballot", once, "p.bea") == "REPLAY"


@pytest.mark.parametrize("field, value, code", [
    ("channel", "other", "CONTEXT_MISMATCH"), ("manifestDigest", "11" * 32, "SUBJECT_MISMATCH"),
    ("releaseUnit", "11" * 32, "SUBJECT_MISMATCH"), ("standard", "11" * 32, "CONTEXT_MISMATCH"),
    ("charter", {"version": "1", "sha256": "11" * 32}, "CONTEXT_MISMATCH"), ("stages", ["100"], "CONTEXT_MISMATCH"),
    ("proposal", "11" * 32, "SUBJECT_MISMATCH"), ("evidence", [], "EVIDENCE_INCOMPLETE"), ("epoch", "2", "ROLLBACK"),
    ("notAfter", "2190-01-01T00:00:00Z", "EXPIRED"), ("maxShare", "101", "MALFORMED")])
def test_02_a_certificate_says_what_was_decided_and_no_more(tmp_path, field, value, code):
    council = Council()
    tally = council.pass_vote()
    certificate = council.certificate(tally, 120 * HOUR, **{field: value})
    subject = certificate["predicate"]["manifestDigest"]
    assert attack(council, tmp_path, "release", certificate, "p.ada", subject=subject, at=120 * HOUR) == code


def test_03_evidence_with_a_hole(tmp_path):
    council = Council()
    at = council.start
    for changed in ({"size": "199", "passed": "179"}, {"passed": "179"}, {"complete": False}, {"epochs": "2"}):
        shown = adversary.evidence("small", council.digest, "arith-en", 180, 200, at, changed)
        assert attack(council, tmp_path, "evidence", shown, "s.judge", subject=council.digest) == "EVIDENCE_INCOMPLETE"


def test_04_results_of_other_weights(tmp_path):
    council = Council()
    other = sha256(b"quantised")
    shown = adversary.evidence("small", other.hex(), "arith-en", 199, 200, council.start)
    one = council.add("evidence", shown, "s.judge", subject=other.hex(), at=0)
    assert attack(council, tmp_path, "gate", council.verdict([one], 1), "s.gate", subject=council.digest) == "SUBJECT_MISMATCH"


def test_05_the_mean_passes_and_the_bound_does_not(tmp_path):
    council = Council()
    shown = adversary.evidence("small", council.digest, "arith-en", 130, 200, council.start)  # 65 %, of which 59 % are sure
    one = council.add("evidence", shown, "s.judge", subject=council.digest, at=0)
    assert attack(council, tmp_path, "gate", council.verdict([one], 1), "s.gate", subject=council.digest) == "GATE_BOUND"


def removal(council, person="p.dan", at=0):
    motion(council, "person.remove_executive", {"person": person, "body": "board"}, at)


def motion(council, action, subject, at=0, days=20):
    proposal = council.said("proposal", at, action=action, subject=subject, person="p.ada",
                            expires=moment(council.start + at + days * DAY))
    council.proposed = sha256(canonical(proposal)).hex()
    return council.add("proposal", proposal, "p.ada", subject=sha256(canonical(subject)).hex(), at=at)


def told(council, person, at=1):
    council.say("notice", "p.ada", at, proposal=council.proposed, person="p.ada", form="delivery", persons=[person],
                means="registered mail")


def test_08_a_removal_of_which_the_chair_was_not_told(tmp_path):
    council = Council()
    removal(council)
    for person in ("p.ada", "p.cai", "p.dan", "p.hal"):
        told(council, person)
    ballots = [council.vote(p) for p in ("p.ada", "p.bea", "p.cai")] + [council.vote(p, "safety") for p in ("p.eve", "p.fay")]
    tally = council.tally(ballots, [("board", 4, 3, 3, 3, True), ("safety", 2, 2, 2, 2, True)], 80 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=80 * HOUR) == "NOTICE_INCOMPLETE"
    told(council, "p.bea", at=79 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=80 * HOUR) == "NOTICE_PENDING"


def test_09_the_subject_votes_on_its_own_removal(tmp_path):
    council = Council()
    removal(council)
    assert attack(council, tmp_path, "ballot", council.ballot("p.dan", vote="against"), "p.dan") == "RECUSED"


def test_09_opponents_called_conflicted_stay_in_the_base(tmp_path):
    """Two say that a third has a conflict: the tally that takes the third out of the base is not the one that counts."""
    council = Council()
    council.propose()
    for person in ("p.ada", "p.bea"):
        council.say("recusal", person, 1, proposal=council.proposed, body="board", person=person, recused="p.cai",
                    reason="votes against us")
    assert attack(council, tmp_path, "ballot", council.ballot("p.cai", vote="against"), "p.cai") == "RECUSED"
    ballots = [council.vote("p.ada"), council.vote("p.bea")] + [council.vote(p, "safety") for p in ("p.eve", "p.fay")]
    tally = council.tally(ballots, [("board", 4, 3, 2, 2, True), ("safety", 2, 2, 2, 2, True)], 72 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=72 * HOUR) == "THRESHOLD_UNMET"


def test_13_whoever_holds_shares_decides_nothing(tmp_path):
    council = Council()
    council.propose()
    before = state_of(council.house.write(tmp_path / "before"))
    assert attack(council, tmp_path, "ballot", council.ballot("p.hal", "investors"), "p.hal") == "CLASS_FORBIDDEN"
    assert attack(council, tmp_path, "ballot", council.ballot("p.hal"), "p.hal") == "NOT_SEATED"
    assert attack(council, tmp_path, "ballot", council.ballot("p.bea"), "p.bea", "p.hal") == "CLASS_FORBIDDEN"
    veto = council.said("veto", 1, proposal=council.proposed, body="investors", person="p.hal", reason="money")
    assert attack(council, tmp_path, "veto", veto, "p.hal") == "CLASS_FORBIDDEN"
    stop = council.said("stop", 1, channel="chat", holder="p.hal", stop_epoch="1", reason="money")
    assert attack(council, tmp_path, "stop", stop, "p.hal", subject=sha256(b"chat").hex()) == "CLASS_FORBIDDEN"
    # Through the commands, with the key itself: refused, and nothing moves.
    data = council.house.write(tmp_path / "data", council.keys["p.hal"])
    done = charter("vote", "--for", "--as", "p.hal", "--data", data, check=False)
    assert code_of(done) == "CLASS_FORBIDDEN" and state_of(data) == before


def state_of(data):
    return json.loads(charter("log", "verify", "--json", "--data", data).stdout)["state_sha256"]


def tail(passed, size, rate):
    """P(X >= passed) of a binomial: the exact lower bound at alpha is at least `rate` when this is at most alpha."""
    return sum(math.comb(size, k) * rate**k * (1 - rate)**(size - k) for k in range(passed, size + 1))


def test_06_runs_that_are_hidden_or_repeated(tmp_path):
    council = Council(AT_ONCE)
    suites = [{"suite": "arith-en", "root": sha256(b"arith-en").hex()}]

    def intend(at):
        return council.say("runintent", "s.judge", at, subject=council.digest, evaluator="s.judge", manifest=council.digest,
                           standard=council.standard(), suites=suites, seeds=["1"])

    def end(intent, at, status, reason, shown):
        return council.said("evalrun", at, evaluator="s.judge", intent=intent, status=status, reason=reason, evidence=shown)

    council.say("model", "s.trainer", 0, subject=sha256(b"small").hex(), model="small", trainer="s.trainer", seal=None)
    seal = {"manifest": council.digest, "oms_root": adversary.oms_root(council.manifest),
            "release_unit": sha256(canonical({"v": "1", "manifest": council.digest})).hex()}
    council.say("model", "s.trainer", 0, subject=council.digest, model="small", trainer="s.trainer", seal=seal)
    first = intend(1)
    shown = adversary.evidence("small", council.digest, "arith-en", 190, 200, council.start + 1)
    hidden = council.add("evidence", shown, "s.judge", subject=council.digest, at=1)
    assert attack(council, tmp_path, "gate", council.verdict([hidden], 1), "s.gate", subject=council.digest) == "INTENT_OPEN"
    silent = end(first, 2, "aborted", "", [])
    assert attack(council, tmp_path, "evalrun", silent, "s.judge", subject=first["sha256"], at=2) == "INTENT_OPEN"
    council.add("evalrun", end(first, 2, "aborted", "a disk was full", []), "s.judge", subject=first["sha256"], at=2)
    # What would be enough at once is not enough at the second attempt: it has a quarter of alpha.
    enough = next(k for k in range(201) if tail(k, 200, 0.60) <= 0.05)
    second = intend(3)
    again = council.add("evidence", adversary.evidence("small", council.digest, "arith-en", enough, 200, council.start + 3),
                        "s.judge", subject=council.digest, at=3)
    council.add("evalrun", end(second, 3, "complete", "", [again]), "s.judge", subject=second["sha256"], at=3)
    verdict = council.verdict([again], 4)
    assert attack(council, tmp_path, "gate", verdict, "s.gate", subject=council.digest, at=4) == "ATTEMPT_ALPHA"


class Watched(Council):
    """A council whose waits are over when two of three witnesses say so."""

    def __init__(self, keys=None, **more):
        self.witnesses = keys or [Key(f"witness.example/{i}", kind=4) for i in range(3)]
        self.policy = "".join(f"witness W{i} {key.vkey()}\n" for i, key in enumerate(self.witnesses))
        self.policy += "group all 2 W0 W1 W2\nquorum all\n"
        head = (f'witness_policy = "policy.txt"\nwitness_policy_sha256 = "{sha256(self.policy.encode()).hex()}"\n'
                "[time]\nelapsed_witnesses = 2\n")
        super().__init__(AT_ONCE, head, policy=self.policy, **more)

    def cosigned(self, at, *times):
        """The current checkpoint with a cosignature of each witness at its time, as the log's next entry."""
        cosigned = [(key, self.start + t) for key, t in zip(self.witnesses, times) if t is not None]
        text = self.house.checkpoint(cosigned)
        signed = adversary.envelope("cosigned", text.encode(), self.house.log_key)
        return self.house.log_envelope("cosigned", signed, subject=sha256(text.split("\n\n")[0].encode() + b"\n").hex(),
                                       at=self.start + at)


def test_07_a_server_clock_two_days_ahead_ends_no_notice(tmp_path):
    council = Watched()
    council.propose()
    council.cosigned(60, 60, 60, 60)
    ballots = [council.vote(p, at=70) for p in ("p.bea", "p.cai", "p.dan")]
    ballots += [council.vote(p, "safety", at=70) for p in ("p.eve", "p.fay")]
    late = 60 + 72 * HOUR
    counts = [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)]

    def tally():
        return council.tally(ballots, counts, late + 2 * DAY)

    # The log says five days, two witnesses say 71 hours and 59 minutes, and the third, who lies, says five days.
    council.cosigned(late + 2 * DAY, late - 60, late - 60, late + 2 * DAY)
    assert attack(council, tmp_path, "tally", tally(), "p.ada", at=late + 2 * DAY) == "NOTICE_PENDING"
    council.cosigned(late + 2 * DAY, late, late, None)
    council.add("tally", tally(), "p.ada", subject=council.proposed, at=late + 2 * DAY)
    charter("log", "verify", "--data", council.house.write(tmp_path / "over"))


def test_07_a_witness_that_signs_in_the_future(tmp_path):
    council = Watched()
    council.propose()
    council.cosigned(60, 60 + HOUR, 60, 60)
    assert verify_log(council.house, tmp_path / "data") == "TIME_ORDER"


def next_charter(council, change, version=2, prev=None):
    prev = prev or council.house.charter_sha256()
    text = council.house.text.replace('version = 1\nprev_sha256 = ""', f'version = {version}\nprev_sha256 = "{prev}"')
    assert change(text) != text != council.house.text
    return change(text)


def amendment(council, text, at=0, days=20):
    return motion(council, "charter.amend", {"text": text, "witness_policy": ""}, at, days)


def unanimous(council, at):
    votes = [council.vote(p, at=at) for p in ("p.ada", "p.bea", "p.cai", "p.dan")]
    return votes + [council.vote(p, "safety", at=at) for p in ("p.eve", "p.fay")]


EVERYBODY = [("board", 4, 4, 4, 3, True), ("safety", 2, 2, 2, 2, True)]


def enact_charter(council, text, at, *signers):
    house = council.house
    house.text, house.version = text, 2
    payload = {"type": "charter/v1", "context": house.context(), "log_vkey": house.log_key.vkey(), "text": text,
               "proposal": council.proposed}
    council.add("charter", payload, *signers, subject=house.charter_sha256(), at=at)


def loosen(text):
    return text.replace('notice = "72h"\ntimelock = "48h"', 'notice = "0s"\ntimelock = "0s"')


def test_10_lowering_a_wait_and_using_it_at_once(tmp_path):
    council = Council(AT_ONCE)
    text = next_charter(council, loosen)
    amendment(council, text)
    council.add("tally", council.tally(unanimous(council, 1), EVERYBODY, 72 * HOUR), "p.ada", subject=council.proposed, at=72 * HOUR)
    amended, removal_at = council.proposed, 100 * HOUR
    removal(council, at=removal_at)
    hasty = council.proposed
    for person in ("p.ada", "p.bea", "p.cai", "p.dan", "p.hal"):
        told(council, person, at=removal_at)
    ballots = [council.vote(p, at=removal_at) for p in ("p.ada", "p.bea", "p.cai")]
    ballots += [council.vote(p, "safety", at=removal_at) for p in ("p.eve", "p.fay")]
    council.proposed = amended
    enact_charter(council, text, 120 * HOUR, "p.ada", "p.bea", "p.cai", "p.dan")
    charter("log", "verify", "--data", council.house.write(tmp_path / "amended"))
    council.proposed = hasty
    tally = council.tally(ballots, [("board", 4, 3, 3, 3, True), ("safety", 2, 2, 2, 2, True)], 121 * HOUR)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=121 * HOUR) == "CHARTER_INTERSECTION"


@pytest.mark.parametrize("version, prev", [(3, None), (2, "11" * 32), (1, None)])
def test_11_a_charter_that_does_not_follow(tmp_path, version, prev):
    council = Council(AT_ONCE)
    amendment(council, next_charter(council, loosen, version, prev))
    assert verify_log(council.house, tmp_path / "data") in ("CHARTER_CHAIN", "PARSE_STRICT")


def test_11_a_charter_that_its_seats_did_not_sign(tmp_path):
    council = Council(AT_ONCE)
    text = next_charter(council, loosen)
    amendment(council, text)
    council.add("tally", council.tally(unanimous(council, 1), EVERYBODY, 72 * HOUR), "p.ada", subject=council.proposed, at=72 * HOUR)
    enact_charter(council, text, 120 * HOUR, "p.ada", "p.bea")
    assert verify_log(council.house, tmp_path / "data") == "CHARTER_CHAIN"


@pytest.mark.parametrize("change", [
    lambda text: text.replace('"body.investors.class"]', "]"),
    lambda text: text.replace('id = "investors"', 'id = "friends"').replace('"board", "investors"]', '"board", "friends"]'),
    lambda text: text.replace('holders = ["board.*", "safety.*", "monitor.*"]', 'holders = ["board.*", "safety.*"]'),
    lambda text: text.replace('threshold = "5/6"', 'threshold = "3/4"')])
def test_12_what_is_entrenched_is_not_changed_at_two_thirds(tmp_path, change):
    council = Council(AT_ONCE, start=time.time() - 60 * DAY)
    amendment(council, next_charter(council, change), days=80)
    expires = moment(council.start + 80 * DAY)
    ballots = [council.vote(p, expires=expires) for p in ("p.bea", "p.cai", "p.dan")]
    ballots += [council.vote(p, "safety", expires=expires) for p in ("p.eve", "p.fay")]
    tally = council.tally(ballots, [("board", 4, 4, 3, 3, True), ("safety", 2, 2, 2, 2, True)], 31 * DAY)
    assert attack(council, tmp_path, "tally", tally, "p.ada", at=31 * DAY) == "ENTRENCHED"


CHAT = sha256(b"chat").hex()


def stopped(council):
    council.release(stages=["100"])
    made_before = council.said("resume", 120 * HOUR, channel="chat", manifest=council.digest, epoch="2", stop_epoch="0",
                               halt={"leaf": "1", "sha256": "11" * 32}, incident={"leaf": "1", "sha256": "11" * 32})
    at = council.say("stop", "p.eve", 121 * HOUR, subject=CHAT, channel="chat", holder="p.eve", stop_epoch="1", reason="harm")
    return at, made_before


def test_14_what_was_signed_before_a_stop_means_nothing_after_it(tmp_path):
    council = Council(AT_ONCE)
    halt, resume = stopped(council)
    charter("log", "verify", "--data", council.house.write(tmp_path / "stopped"))
    release = council.house.envelopes[-2]
    again = council.house.copy()
    again.log_envelope("release", release, subject=council.digest, at=council.start + 122 * HOUR)
    assert verify_log(again, tmp_path / "again") == "ROLLBACK"
    assert attack(council, tmp_path, "resume", resume, "p.ada", "p.eve", subject=council.digest, at=122 * HOUR) == "ROLLBACK"
    stop = council.said("stop", 122 * HOUR, channel="chat", holder="p.eve", stop_epoch="1", reason="again")
    assert attack(council, tmp_path, "stop", stop, "p.eve", subject=CHAT, at=122 * HOUR) == "ROLLBACK"
    # And who stopped does not start again alone, nor anybody without an incident.
    fresh = council.said("resume", 122 * HOUR, channel="chat", manifest=council.digest, epoch="3", stop_epoch="1", halt=halt,
                         incident={"leaf": "1", "sha256": "11" * 32})
    assert attack(council, tmp_path, "resume", fresh, "p.eve", subject=council.digest, at=122 * HOUR) == "TWO_MAN"
    several = ("p.ada", "p.bea", "p.eve", "p.fay")
    assert attack(council, tmp_path, "resume", fresh, *several, subject=council.digest, at=122 * HOUR) == "INCIDENT_MISSING"


GOOD = {"monitor": "harm.rate", "exposures": "2000", "events": "0"}


@pytest.mark.parametrize("readings, more", [
    ([], {}), ([{**GOOD, "events": "NaN"}], {}), ([{**GOOD, "exposures": "0"}], {}), ([{**GOOD, "exposures": "999"}], {}),
    ([{**GOOD, "events": "20"}], {}), ([{**GOOD, "monitor": "another"}], {}), ([GOOD, GOOD], {}),
    ([{**GOOD, "skipped": True}], {}), ([GOOD], {"skipAnalysis": True}), ([GOOD], {"share": "100"}), ([GOOD], {"early": True}),
    ([GOOD], {"unsigned": True}), ([{**GOOD, "latest": "2020-01-01T00:00:00Z"}], {})])
def test_19_no_numbers_no_promotion(tmp_path, readings, more):
    council = Council()
    council.release()
    stage = {"channel": "chat", "manifest": council.digest, "epoch": "1", "stop_epoch": "0", "rollback": False}
    council.say("stage", "p.ada", 121 * HOUR, subject=council.digest, **stage, share="1", readings=[])
    at = (122 if more.pop("early", None) else 146) * HOUR
    signers = ["p.ada"] if more.pop("unsigned", None) else ["p.ada", "s.monitor"]
    latest = {"latest": moment(council.start + at)}
    raised = council.said("stage", at, **{**stage, "share": "25", **more}, readings=[{**latest, **r} for r in readings])
    assert attack(council, tmp_path, "stage", raised, *signers, subject=council.digest, at=at) == "NOT_PROMOTABLE"


def test_19_with_numbers_it_is_promoted(tmp_path):
    council = Council()
    council.release()
    stage = {"channel": "chat", "manifest": council.digest, "epoch": "1", "stop_epoch": "0", "rollback": False}
    council.say("stage", "p.ada", 121 * HOUR, subject=council.digest, **stage, share="1", readings=[])
    raised = council.said("stage", 146 * HOUR, **stage, share="25", readings=[{**GOOD, "latest": moment(council.start + 146 * HOUR)}])
    council.add("stage", raised, "p.ada", "s.monitor", subject=council.digest, at=146 * HOUR)
    charter("log", "verify", "--data", council.house.write(tmp_path / "data"))


def with_key(name, public):
    made = Key(name)
    made.public = public
    return made


@pytest.mark.parametrize("public", [
    b"\1" + bytes(31), bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xee" + b"\xff" * 30 + b"\x7f", b"\2" + bytes(31)],
    ids=["identity", "order 4", "order 2", "not canonical", "not on the curve"])
def test_20_keys_that_are_none(tmp_path, public):
    council = Council()
    bad = with_key("p.bea", public).vkey()
    done = init(tmp_path, council.house.text.replace(council.keys["p.bea"].vkey(), bad), council)
    assert code_of(done) == "BAD_KEY"


def test_20_signatures_that_only_look_like_one(tmp_path):
    council = Council()
    council.propose()
    signed = adversary.envelope("ballot", council.ballot("p.bea"), council.keys["p.bea"])
    right = base64.b64decode(signed["signatures"][0]["sig"])
    greater = (int.from_bytes(right[32:], "little") + adversary.ORDER).to_bytes(32, "little")
    for forged in (right[:32] + greater, b"\1" + bytes(31) + right[32:], right[:32] + bytes(32), bytes(64), right[:63]):
        attacked = council.house.copy()
        signed["signatures"][0]["sig"] = adversary.b64(forged)
        attacked.log_envelope("ballot", json.loads(json.dumps(signed)), subject=council.proposed, at=council.start + 1)
        assert verify_log(attacked, tmp_path / forged.hex()[-12:]) == "BAD_SIG"


def test_20_one_key_as_a_witness_and_as_a_person(tmp_path):
    seed = b"p" * 32
    witnesses = [Key("witness.example/0", seed, kind=4)] + [Key(f"witness.example/{i}", kind=4) for i in (1, 2)]
    charter("log", "verify", "--data", Watched(witnesses).house.write(tmp_path / "apart"))
    double = Watched(witnesses, seeds={"p.bea": seed})
    assert verify_log(double.house, tmp_path / "double") == "BAD_KEY"


STRICT = [
    ("duplicate key", lambda p: p.replace(b'"vote":"for"', b'"vote":"against","vote":"for"')),
    ("number", lambda p: p.replace(b'"vote":"for"', b'"vote":1e3')),
    ("lone surrogate", lambda p: p.replace(b'"vote":"for"', b'"vote":"\\ud800"')),
    ("byte order mark", lambda p: b"\xef\xbb\xbf" + p),
    ("trailing text", lambda p: p + b"{}"),
    ("not UTF-8", lambda p: p.replace(b'"vote":"for"', b'"vote":"\xff"')),
    ("spaces", lambda p: p.replace(b":", b": ", 1)),
    ("unknown field", lambda p: p.replace(b'"vote":"for"', b'"vote":"for","weight":"2"')),
    ("depth", lambda p: p.replace(b'"vote":"for"', b'"vote":' + b"[" * 5000 + b"]" * 5000))]


@pytest.mark.parametrize("change", [c for _, c in STRICT], ids=[n for n, _ in STRICT])
def test_22_json_that_readers_disagree_on(tmp_path, change):
    council = Council()
    council.propose()
    payload = change(canonical(council.ballot("p.bea")))
    assert attack(council, tmp_path, "ballot", payload, "p.bea") in ("PARSE_STRICT", "UNKNOWN_FIELD", "WRONG_TYPE", "MALFORMED")


@pytest.mark.parametrize("change", [
    lambda t: t.replace("seats = 4", "seats = 4\nseats = 9"), lambda t: t.replace("seats = 4", "seats = 1e3"),
    lambda t: t.replace("seats = 4", "seats = 4.0"), lambda t: "\ufeff" + t, lambda t: t.replace("seats = 4", "seats = 4\nquorum = 1"),
    lambda t: t + "[[body]]\nid = \"board\"\nclass = \"control\"\nseats = 1\nmembers = []\n", lambda t: t + "[charter]\n",
    lambda t: t.replace('id = "board"', 'id = "bo\\ud800ard"'), lambda t: t.replace('"72h"', "72")],
    ids=["duplicate", "exponent", "float", "mark", "unknown", "body twice", "table twice", "surrogate", "bare number"])
def test_22_toml_that_readers_disagree_on(tmp_path, change):
    council = Council()
    done = init(tmp_path, change(council.house.text), council)
    assert done.returncode == 65 and code_of(done) in ("PARSE_STRICT", "UNKNOWN_FIELD", "WRONG_TYPE", "CHARTER_FIELD")
    assert not (tmp_path / "new" / "charter").exists()


def test_24_nobody_has_two_duties(tmp_path):
    council = Council()
    shown = adversary.evidence("small", council.digest, "arith-en", 180, 200, council.start)
    assert attack(council, tmp_path, "evidence", shown, "s.trainer", subject=council.digest) == "DUTY_CONFLICT"
    assert attack(council, tmp_path, "evidence", shown, "p.ada", subject=council.digest) == "DUTY_CONFLICT"
    council.say("model", "p.bea", 0, subject=sha256(b"small").hex(), model="small", trainer="p.bea", seal=None)
    seal = {"manifest": council.digest, "oms_root": adversary.oms_root(council.manifest),
            "release_unit": sha256(canonical({"v": "1", "manifest": council.digest})).hex()}
    council.say("model", "p.bea", 0, subject=council.digest, model="small", trainer="p.bea", seal=seal)
    one = council.add("evidence", shown, "s.judge", subject=council.digest, at=0)
    assert attack(council, tmp_path, "gate", council.verdict([one], 1), "s.judge", subject=council.digest) == "DUTY_CONFLICT"
    council.propose()
    assert attack(council, tmp_path, "ballot", council.ballot("p.bea"), "p.bea") == "DUTY_CONFLICT"
    council.vote("p.cai")
    assert charter("log", "verify", "--data", council.house.write(tmp_path / "cai")).returncode == 0
