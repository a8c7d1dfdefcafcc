// The server's side of TLS: certificate and key into a context. Within net/ only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/result.h"

namespace net {

// TLS 1.2 and newer. The error names the file that is missing, not PEM, or not the other's match.
base::Result<std::shared_ptr<boost::asio::ssl::context>> load_tls(
    const std::string& certificate_file, const std::string& key_file);

}  // namespace net
