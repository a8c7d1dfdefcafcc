// What only a gateway with budgets and several providers can be asked: a race for the last of a
// budget, and what a provider's death costs the requests that meet it.
#pragma once

#include <functional>
#include <string>

#include "bench/gateway/targets.h"

namespace bench {

using AddRow =
    std::function<void(const std::string& measure, double value, const std::string& unit)>;

// On a governed Charter, which gets two more models. False when one cannot be set up.
bool measure_charter_rows(const Target& target, const Setting& setting, const AddRow& add,
                          std::string* why_not);

}  // namespace bench
