// A scenario's events as statements, signed by keys that follow from its seed and judged by
// apply().
#include <algorithm>

#include "govern/evidence.h"
#include "govern/rehearsal.h"
#include "govern/scenario.h"

namespace govern {
namespace {

using base::Status;

// Two more than must agree, so that a silent one holds nothing up.
constexpr uint64_t kSpareWitnesses = 2;
constexpr std::string_view kPolicyMark = "<POLICY SHA256>";

std::vector<std::string> witness_names(uint64_t needed) {
  std::vector<std::string> names;
  for (uint64_t i = 0; needed > 0 && i < needed + kSpareWitnesses; ++i)
    names.push_back("witness-" + std::to_string(i + 1));
  return names;
}

std::string policy_text(const std::vector<std::string>& names, uint64_t needed) {
  std::string text, members;
  for (const std::string& name : names) {
    text += "witness " + name + " <WITNESS " + name + ">\n";
    members += ' ' + name;
  }
  if (names.empty()) return text;
  return text + "group all " + std::to_string(needed) + members + "\nquorum all\n";
}

// As many as the text says in its [time]; the text is no charter yet while keys are missing in it.
uint64_t witnesses_needed(std::string_view text) {
  constexpr std::string_view kKey = "\nelapsed_witnesses = ";
  const size_t at = text.find(kKey);
  if (at == text.npos) return 0;
  uint64_t needed = 0;
  for (size_t i = at + kKey.size(); i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    needed = std::min<uint64_t>(needed * 10 + static_cast<uint64_t>(text[i] - '0'), 100);
  return needed;
}

Manifest manifest_named(const std::string& model) {
  Manifest manifest;
  manifest.files["model.safetensors"] = crypto::sha256("weights of " + model);
  return manifest;
}

class Player {
 public:
  Player(const Scenario& scenario, const ScenarioCharter& charter)
      : scenario_(scenario),
        charter_(charter),
        house_(std::make_shared<RehearsalKeys>(scenario.seed)) {}

  Status start(std::string_view text) {
    const uint64_t needed = witnesses_needed(text);
    witnesses_ = witness_names(needed);
    const std::string policy = policy_text(witnesses_, needed);
    std::string filled(text);
    if (const size_t at = filled.find(kPolicyMark); at != filled.npos)
      filled.replace(at, kPolicyMark.size(),
                     crypto::hex(crypto::sha256(house_.keys().fill_in(policy))));
    return house_.adopt(filled, policy, scenario_.start);
  }

  const Charter& charter() const { return *house_.state().charter; }

  ReplayedEvent play(const ScenarioEvent& event) {
    // Witnesses see what happened soon after it, and again before the next thing.
    const base::Time soon = now_ + base::seconds(1);
    now_ = scenario_.start + event.at;
    if (soon < now_) cosign(std::max(soon, scenario_.start));
    cosign(now_);
    if (event.act == ScenarioAct::Note) return {};
    const Status answer = act(event);
    if (answer) return {ReplayedEvent::Answer::Accepted, {}, {}};
    return {ReplayedEvent::Answer::Refused, answer.error().reason,
            answer.error().message + role_of(answer.error().where)};
  }

 private:
  std::string person(const std::string& role) const {
    const auto cast = charter_.cast.find(role);
    return cast == charter_.cast.end() ? "p." + role : cast->second;
  }

  // " (chair of the board)" when the refusal is about somebody in the scenario.
  std::string role_of(const std::string& where) const {
    for (const ScenarioRole& role : scenario_.roles)
      if (person(role.id) == where) return " (" + role.name + ")";
    return {};
  }

  void cosign(base::Time at) {
    if (witnesses_.empty()) return;
    std::vector<Rehearsal::WitnessTime> times;
    for (const std::string& name : witnesses_) times.push_back({name, at});
    static_cast<void>(
        house_.append(house_.log_entry(Kind::Cosigned, house_.cosigned_checkpoint(times), at)));
  }

  Status act(const ScenarioEvent& e) {
    switch (e.act) {
      case ScenarioAct::Note:
        return {};
      case ScenarioAct::Propose:
        return propose(e);
      case ScenarioAct::Vote:
        return house_.submit(Kind::Ballot,
                             house_.ballot(proposals_[e.what], e.body, person(e.who), e.vote, now_),
                             {person(e.who)}, now_);
      case ScenarioAct::Tell:
        return tell(e);
      case ScenarioAct::Tally:
        return house_.submit(Kind::Tally, house_.tally(proposals_[e.what], person(e.who), now_),
                             {person(e.who)}, now_);
      case ScenarioAct::Enact:
        return enact(e);
      case ScenarioAct::Veto:
        return veto(e);
      case ScenarioAct::Petition:
        return petition(e);
      case ScenarioAct::Judge:
        return judge(e);
      case ScenarioAct::Verdict:
        return verdict(e);
      case ScenarioAct::Stop:
        return stop(e);
    }
    return {};
  }

  Status propose(const ScenarioEvent& e) {
    const std::string who = person(e.who);
    std::string payload;
    if (e.action == "model.promote") {
      payload = house_.promotion(e.channel, e.model, manifest_named(e.model), who, now_);
    } else {
      Subject subject;
      if (!e.subject.empty()) subject.person = person(e.subject);
      subject.body = e.body;
      subject.text = e.text;
      payload = house_.proposal(e.action, subject, who, now_,
                                petitions_.contains(e.what) ? &petitions_.at(e.what) : nullptr);
    }
    proposals_[e.what] = crypto::sha256(payload);
    return house_.submit(Kind::Proposal, std::move(payload), {who}, now_);
  }

  Status tell(const ScenarioEvent& e) {
    Notice notice;
    notice.context = house_.context();
    notice.proposal = proposals_[e.what];
    notice.person = person(e.who);
    notice.delivery = true;
    for (const std::string& role : e.persons) notice.persons.push_back(person(role));
    std::ranges::sort(notice.persons);
    notice.means = e.words;
    notice.created = now_;
    return house_.submit(Kind::Notice, format_notice(notice), {notice.person}, now_);
  }

  Status enact(const ScenarioEvent& e) {
    const crypto::Digest digest = proposals_[e.what];
    const auto found = house_.state().proposals.find(digest);
    const bool releases = found != house_.state().proposals.end() &&
                          found->second.proposal->action == "model.promote";
    if (releases)
      return house_.submit(Kind::Release, house_.certificate(digest, now_), {person(e.who)}, now_);
    Enactment enactment;
    enactment.context = house_.context();
    enactment.proposal = digest;
    if (found != house_.state().proposals.end()) enactment.tally = found->second.tally;
    enactment.person = person(e.who);
    enactment.created = now_;
    return house_.submit(Kind::Enactment, format_enactment(enactment), {enactment.person}, now_);
  }

  Status veto(const ScenarioEvent& e) {
    Veto veto;
    veto.context = house_.context();
    veto.proposal = proposals_[e.what];
    veto.body = e.body;
    veto.person = person(e.who);
    veto.reason = e.words;
    veto.created = now_;
    return house_.submit(Kind::Veto, format_veto(veto), {veto.person}, now_);
  }

  // The share of the body's persons that signed in the history signs here; the first refusal stands
  // for all.
  Status petition(const ScenarioEvent& e) {
    const Body* body = charter().find_body(e.body);
    const std::vector<std::string> nobody = {person(e.who)};
    const std::vector<std::string>& members =
        body == nullptr || body->members.empty() ? nobody : body->members;
    const uint64_t signers = std::max<uint64_t>(members.size() * e.passed / e.size, 1);
    for (uint64_t i = 0; i < signers; ++i) {
      Petition petition;
      petition.context = house_.context();
      petition.body = e.body;
      petition.person = members[i];
      petition.action = "motion";
      petition.subject.text = e.text;
      petition.created = now_;
      petition.expires = now_ + base::seconds(7 * 86'400);
      petitions_[e.what] = petition_digest(petition);
      TRY_VOID(house_.submit(Kind::Petition, format_petition(petition), {petition.person}, now_));
    }
    return {};
  }

  Status judge(const ScenarioEvent& e) {
    Evidence evidence;
    evidence.model = e.model;
    evidence.manifest_digest = manifest_digest(manifest_named(e.model));
    evidence.suite = e.suite;
    evidence.suite_version = "1";
    evidence.suite_root = crypto::sha256("cases of " + e.suite);
    evidence.result_root =
        crypto::sha256(e.suite + ' ' + std::to_string(e.results) + ' ' + base::rfc3339(now_));
    evidence.size = e.size;
    evidence.passed = e.passed;
    evidence.failed = e.results - e.passed;
    evidence.metric = e.metric;
    evidence.finished = now_;
    return house_.submit(Kind::Evidence, format_evidence(evidence), {person(e.who)}, now_);
  }

  Status verdict(const ScenarioEvent& e) {
    GateVerdict verdict;
    verdict.model = e.model;
    verdict.channel = e.channel;
    verdict.manifest = manifest_digest(manifest_named(e.model));
    verdict.standard = standard_digest(charter());
    std::map<std::string, LeafReference> newest;  // of each suite
    for (const auto& [digest, logged] : house_.state().evidence) {
      if (logged.evidence.manifest_digest != verdict.manifest) continue;
      LeafReference& at = newest[logged.evidence.suite];
      at = std::max(at, logged.at);
    }
    for (const auto& [suite, at] : newest) verdict.evidence.push_back(at);
    std::ranges::sort(verdict.evidence);
    verdict.verified = now_;
    return house_.submit(Kind::Gate, format_gate_verdict(verdict), {person(e.who)}, now_);
  }

  Status stop(const ScenarioEvent& e) {
    Stop stop;
    stop.context = house_.context();
    stop.channel = e.channel;
    stop.holder = person(e.who);
    stop.stop_epoch = house_.state().life.stop_epoch + 1;
    stop.reason = e.words;
    stop.created = now_;
    return house_.submit(Kind::Stop, format_stop(stop), {stop.holder}, now_);
  }

  const Scenario& scenario_;
  const ScenarioCharter& charter_;
  Rehearsal house_;
  std::vector<std::string> witnesses_;
  base::Time now_;                                   // of the last event
  std::map<std::string, crypto::Digest> proposals_;  // by the scenario's name
  std::map<std::string, crypto::Digest> petitions_;
};

}  // namespace

base::Result<Replay> replay_scenario(const Scenario& scenario, const ScenarioCharter& charter,
                                     std::string_view text) {
  Player player(scenario, charter);
  if (const Status started = player.start(text); !started)
    return base::wrap(started.error(), "the charter cannot be adopted", charter.file);
  Replay replay{charter.name, player.charter().id, {}};
  for (const ScenarioEvent& event : scenario.events) replay.events.push_back(player.play(event));
  return replay;
}

}  // namespace govern
