// The least that a gateway on net/ can cost: every request goes upstream as it is, and the answer
// comes back as it is. A row of the table, and the target to profile.
#pragma once

#include <cstdint>

namespace bench {

int run_floor(uint16_t port, uint16_t upstream_port, int threads);

}  // namespace bench
