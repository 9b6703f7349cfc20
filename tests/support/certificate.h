#pragma once

#include <string>

namespace hecate::testing {

// Makes a key and a certificate signed by itself, good for `names` and for so many days from now (-1: until
// yesterday), as PEM files.
void make_certificate(const std::string& certificate_file, const std::string& key_file,
                      const std::string& names = "IP:127.0.0.1,DNS:localhost", int days = 1);

}  // namespace hecate::testing
