#include "crypto/sodium.h"

#include <sodium.h>

#include "base/check.h"

namespace crypto {

void start_sodium() {
  static const int started =
      sodium_init();  // 0 first, 1 when it was started already, -1 on failure
  CHECK(started >= 0);
}

}  // namespace crypto
