"""The attacks of the governance specification, by number, made by an adversary who writes our formats without our code
and owns whatever the attack needs: keys, a whole log, a folder on disk. Each is refused by its name, through the program."""
import json
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


class Council:
    """A council's house, whose log the adversary writes: every entry is signed by whom it says, unless the attack is that."""

    def __init__(self, rules=RULES, head="", start=None, policy=None, promote=False):
        self.keys = {f"p.{name}": Key(f"p.{name}") for name in PERSONS}
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

    def release(self):
        tally = self.pass_vote()
        return self.add("release", self.certificate(tally, 120 * HOUR), "p.ada", subject=self.digest, at=120 * HOUR)


def payload_annotations(signed):
    suite, results = adversary.payload_of(signed)["predicate"]["configuration"]
    return {"suite": suite["uri"].removeprefix("suite:"), "suiteRoot": suite["digest"]["sha256"],
            "resultRoot": results["digest"]["sha256"], "size": suite["annotations"]["size"], "epochs": suite["annotations"]["epochs"]}


def code_of(done):
    """The refusal's name, which the program prints in brackets behind its sentence."""
    assert done.returncode in (65, 69) and done.stdout.count("verified\":true") == 0, (done.returncode, done.stdout, done.stderr)
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
    proposal = {"type": "proposal/v1", "context": council.house.context(), "action": "person.remove_executive",
                "subject": {"person": person, "body": "board"}, "person": "p.ada", "created": moment(council.start + at),
                "expires": moment(council.start + at + 20 * DAY)}
    council.proposed = sha256(canonical(proposal)).hex()
    council.add("proposal", proposal, "p.ada", subject=sha256(canonical(proposal["subject"])).hex(), at=at)


def told(council, person, at=1):
    notice = {"type": "notice/v1", "context": council.house.context(), "proposal": council.proposed, "person": "p.ada",
              "form": "delivery", "persons": [person], "means": "registered mail", "created": moment(council.start + at)}
    council.add("notice", notice, "p.ada", subject=council.proposed, at=at)


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
        says = {"type": "recusal/v1", "context": council.house.context(), "proposal": council.proposed, "body": "board",
                "person": person, "recused": "p.cai", "reason": "votes against us", "created": moment(council.start + 1)}
        council.add("recusal", says, person, subject=council.proposed, at=1)
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
    veto = {"type": "veto/v1", "context": council.house.context(), "proposal": council.proposed, "body": "investors",
            "person": "p.hal", "reason": "money", "created": moment(council.start + 1)}
    assert attack(council, tmp_path, "veto", veto, "p.hal") == "CLASS_FORBIDDEN"
    stop = {"type": "stop/v1", "context": council.house.context(), "channel": "chat", "holder": "p.hal", "stop_epoch": "1",
            "reason": "money", "created": moment(council.start + 1)}
    assert attack(council, tmp_path, "stop", stop, "p.hal", subject=sha256(b"chat").hex()) == "CLASS_FORBIDDEN"
    # Through the commands, with the key itself: refused, and nothing moves.
    data = council.house.write(tmp_path / "data", council.keys["p.hal"])
    done = charter("vote", "--for", "--as", "p.hal", "--data", data, check=False)
    assert code_of(done) == "CLASS_FORBIDDEN" and state_of(data) == before


def state_of(data):
    return json.loads(charter("log", "verify", "--json", "--data", data).stdout)["state_sha256"]
