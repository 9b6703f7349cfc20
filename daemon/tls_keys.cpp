#include "daemon/tls_keys.h"

#include <utility>

namespace hecate::daemon {

void declare_tls_files(Keys& keys, const std::string& before, TlsFiles& files, std::string certificate) {
  keys.path(before + "cert_file", files.cert_file, std::move(certificate));
  keys.path(before + "key_file", files.key_file,
            "Its key (PEM, without a password); in `cert_file` when not given. Both are read again when they "
            "change.");
  keys.path(
      before + "client_ca_file", files.client_ca_file,
      "CA certificates (PEM): senders must show a certificate of one of them. Not given: they need none.");
}

}  // namespace hecate::daemon
