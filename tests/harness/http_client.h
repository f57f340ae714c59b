// A client that speaks HTTP over a socket to a server of ours, byte by byte where a test wants.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inpaint {

class ClientSocket {
 public:
  explicit ClientSocket(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      if (fd_ >= 0) ::close(fd_);
      throw std::runtime_error("no connection to port " + std::to_string(port));
    }
  }
  ~ClientSocket() { ::close(fd_); }
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  // False: the server takes no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // All that comes until the server closes the connection. Throws when that takes longer than it may.
  std::string receive(int milliseconds = 60'000) {
    std::string all;
    char bytes[65536];
    while (true) {
      pollfd event{fd_, POLLIN, 0};
      if (::poll(&event, 1, milliseconds) != 1) throw std::runtime_error("the server is silent");
      const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
      if (count <= 0) return all;
      all.append(bytes, static_cast<size_t>(count));
    }
  }

 private:
  int fd_;
};

struct HttpReply {
  int status = 0;
  std::string head, body;

  // A header's value; empty where it is not there.
  std::string header(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

inline HttpReply http_reply(const std::string& bytes) {
  HttpReply reply;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos || !bytes.starts_with("HTTP/1.1 ")) return reply;
  reply.status = std::stoi(bytes.substr(9, 3));
  reply.head = bytes.substr(0, end + 2);
  reply.body = bytes.substr(end + 4);
  return reply;
}

struct FormField {
  std::string name, value;
};

inline constexpr const char* kFormType = "multipart/form-data; boundary=abc";

inline std::string form_body(const std::vector<FormField>& fields) {
  std::string body;
  for (const FormField& field : fields)
    body += "--abc\r\nContent-Disposition: form-data; name=\"" + field.name + "\"; filename=\"../../x\"\r\n" +
            "Content-Type: text/html\r\n\r\n" + field.value + "\r\n";
  return body + "--abc--\r\n";
}

// A request as bytes. `more`: header lines, each with its end.
inline std::string http_request(int port, const std::string& method, const std::string& path,
                                const std::string& more = {}, const std::string& body = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n" + more +
         "\r\n" + body;
}

inline std::string post_request(int port, const std::vector<FormField>& fields,
                                const std::string& more = {}) {
  const std::string body = form_body(fields);
  return http_request(port, "POST", "/fill",
                      "Content-Type: " + std::string(kFormType) +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more,
                      body);
}

inline HttpReply reply_to(int port, const std::string& request) {
  ClientSocket socket(port);
  socket.send(request);
  return http_reply(socket.receive());
}

}  // namespace inpaint
