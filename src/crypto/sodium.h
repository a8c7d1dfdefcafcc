// libsodium must be started before its first use, from any thread; private to this folder.
#pragma once

namespace crypto {
void start_sodium();
}  // namespace crypto
