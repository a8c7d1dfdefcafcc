// Charter itself as a target: a new data folder, no model, one provider.
#pragma once

#include <memory>
#include <string>

#include "bench/gateway/targets.h"

namespace bench {

// Plain: the key is checked and the answer is passed on; nothing is held or written.
std::unique_ptr<Target> start_charter_plain(const Setting& setting, std::string* why_not);
// Governed: rates and budgets of the organization, the project, the user and the key, a price, and
// the ledger on the disk.
std::unique_ptr<Target> start_charter_governed(const Setting& setting, std::string* why_not);

}  // namespace bench
