// Evidence: the complete result of a pinned suite on one model version, as an in-toto test-result
// statement. The judge writes the statement; a judge's or person's signature and the log make it
// evidence. Counts are decimal strings.
//
//   {"_type":"https://in-toto.io/Statement/v1",
//    "subject":[{"name":"<model>","digest":{"sha256":"<manifest digest>"}}],
//    "predicateType":"https://in-toto.io/attestation/test-result/v0.1",
//    "predicate":{"result":"PASSED"|"WARNED"|"FAILED",
//      "configuration":[
//        {"name":"suite","uri":"suite:<id>@<version>","digest":{"sha256":"<suite root>"},
//         "annotations":{"size":"<cases>","epochs":"<K>"}},
//        {"name":"results","digest":{"sha256":"<result root>"},
//         "annotations":{"complete":true,"size":"<cases>","epochs":"<K>","passed":"<n>","failed":"<n>","errors":"<n>",
//                        "metric":"accuracy","finished":"<RFC 3339 Z>",
//                        "bound":"clopper-pearson"|"cluster-t","alpha":"0.05","lower_bound":"0.7","upper_bound":"0.8",
//                        and with cluster-t
//                        "clusters":"<n>","clusters_at_zero":"<n>","clusters_at_one":"<n>",
//                        "cluster_mean":"0.75","standard_error":"0.01"}},
//        {"name":"engine","uri":"charter:<build>"}, …]}}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/cluster_bounds.h"
#include "base/time.h"
#include "crypto/sha256.h"
#include "govern/statement.h"

namespace govern {

inline constexpr std::string_view kTestResultType =
    "https://in-toto.io/attestation/test-result/v0.1";

inline constexpr const char* kExactBound =
    "clopper-pearson";  // cases stand alone; the counts give the bound
inline constexpr const char* kClusterBound =
    "cluster-t";  // several runs of a case, or cases that go together

struct Evidence {
  std::string model;                 // the subject's name
  crypto::Digest manifest_digest{};  // the subject's digest
  std::string suite;                 // "word-problems"
  std::string suite_version;         // "1"
  crypto::Digest suite_root{};
  crypto::Digest result_root{};
  uint64_t size = 0;    // cases
  uint64_t epochs = 1;  // runs of each case
  uint64_t passed = 0, failed = 0, errors = 0;
  std::string metric = "accuracy";
  std::string bound = kExactBound;  // how independent the results are: it follows from the suite
  std::string alpha, lower,
      upper;  // as the judge computed them; recomputed here where the counts suffice
  // Of results that go together: what the bound at any alpha is computed from.
  std::optional<base::ClusterSummary> clusters = {};
  base::Time finished;
};

std::string format_evidence(const Evidence& evidence);  // the statement, canonical JSON
// MALFORMED; EVIDENCE_INCOMPLETE when the run is not whole: complete is not true, or the counts do
// not add up to size × epochs.
base::Result<Evidence> parse_evidence(std::string_view payload);

// Clopper–Pearson, one-sided at confidence 1 − alpha, for `passed` of `count`.
double lower_bound(uint64_t passed, uint64_t count, double alpha);
double upper_bound(uint64_t passed, uint64_t count, double alpha);

}  // namespace govern
