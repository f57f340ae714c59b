#include "train/serve/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "train/serve/fill_answer.h"
#include "train/serve/fill_queue.h"
#include "train/serve/request_fault.h"
#include "train/serve/routes.h"

namespace inpaint {
namespace {

using Clock = std::chrono::steady_clock;

// A socket that listens; closed with its owner.
class ListeningSocket {
 public:
  explicit ListeningSocket(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    socklen_t size = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);
    if (fd_ < 0 || ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(fd_, general, size) != 0 || ::listen(fd_, SOMAXCONN) != 0 ||
        ::getsockname(fd_, general, &size) != 0) {
      const int error = errno;
      if (fd_ >= 0) ::close(fd_);
      user_error("127.0.0.1:{}: {}{}", port, std::strerror(error),
                 error == EADDRINUSE || error == EACCES ? "; --port 0 takes a free port" : "");
    }
    port_ = ntohs(address.sin_port);
  }
  ~ListeningSocket() { ::close(fd_); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int fd() const { return fd_; }
  int port() const { return port_; }

 private:
  int fd_ = -1, port_ = 0;
};

struct Connection {
  int fd;
  Clock::time_point deadline;
  bool is_filling = false;  // no deadline then
  bool has_answer = false;
};

// What a client may send beyond the limits and still read why it is refused: its body is read and forgotten.
constexpr int64_t kMostForgotten = int64_t{1} << 30;

constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Cache-Control", "no-store"},
    {"Connection", "close"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src "
     "'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

MHD_Result send(MHD_Connection* connection, const Answer& answer) {
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  bool whole = true;
  const auto add = [&](const char* name, const char* value) {
    whole = MHD_add_response_header(response, name, value) == MHD_YES && whole;
  };
  for (const auto& [name, value] : kHeaders) add(name, value);
  add("Content-Type", answer.type.c_str());
  if (answer.retry_seconds > 0) add("Retry-After", std::to_string(answer.retry_seconds).c_str());
  if (!answer.allow.empty()) add("Allow", answer.allow.c_str());
  const MHD_Result result =
      whole ? MHD_queue_response(connection, static_cast<unsigned>(answer.status), response) : MHD_NO;
  MHD_destroy_response(response);
  return result;
}

RequestHead head_of(MHD_Connection* connection, const char* url, const char* method) {
  RequestHead head{method, url, {}};
  const auto collect = [](void* to, MHD_ValueKind, const char* name, const char* value) {
    try {
      static_cast<RequestHead*>(to)->headers.emplace_back(name, value == nullptr ? "" : value);
      return MHD_YES;
    } catch (...) {
      return MHD_NO;
    }
  };
  const int count = MHD_get_connection_values(connection, MHD_HEADER_KIND, collect, &head);
  if (static_cast<size_t>(count) != head.headers.size()) throw std::bad_alloc();
  return head;
}

}  // namespace

class HttpServer::Implementation {
 public:
  Implementation(int port, const ServerLimits& limits, std::string health, Fill fill)
      : limits_(limits),
        health_(std::move(health)),
        fill_(std::move(fill)),
        socket_(port),
        queue_(limits.waiting_fills) {
    const auto silence = std::chrono::ceil<std::chrono::seconds>(limits.silence);
    daemon_ = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
                               on_request, this, MHD_OPTION_LISTEN_SOCKET, socket_.fd(),               //
                               MHD_OPTION_CONNECTION_LIMIT, limits.connections,                        //
                               MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(silence.count()),  //
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, size_t{65536},                      //
                               MHD_OPTION_STRICT_FOR_CLIENT, 1,                                        //
                               MHD_OPTION_NOTIFY_CONNECTION, on_connection, this,                      //
                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, this, MHD_OPTION_END);
    INPAINT_CHECK(daemon_ != nullptr, "libmicrohttpd does not start");
  }

  ~Implementation() {
    MHD_quiesce_daemon(daemon_);  // the listening socket is ours again
    queue_.close();
    for (int k = 0; k < 100 && answers_are_under_way(); ++k)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    MHD_stop_daemon(daemon_);
  }

  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  int port() const { return socket_.port(); }

  void drop_overdue() {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);  // a connection that stands in the list has its socket open
    for (Connection* connection : connections_)
      if (!connection->is_filling && now > connection->deadline) ::shutdown(connection->fd, SHUT_RDWR);
  }

 private:
  // A request that is being received, filled or answered.
  struct Request {
    RoutedRequest routed{};
    std::vector<uint8_t> body;
    std::optional<Answer> answer;
    int64_t forgotten = 0;
  };

  static Implementation& self(void* argument) { return *static_cast<Implementation*>(argument); }

  // libmicrohttpd is C: nothing may be thrown through it.
  static MHD_Result on_request(void* argument, MHD_Connection* connection, const char* url,
                               const char* method, const char*, const char* data, size_t* data_size,
                               void** request) {
    try {
      return self(argument).request(connection, url, method, data, data_size, request);
    } catch (...) {
      return MHD_NO;  // ends the connection
    }
  }

  static void on_connection(void* argument, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) {
    try {
      if (code == MHD_CONNECTION_NOTIFY_STARTED)
        self(argument).begin_connection(connection, context);
      else
        self(argument).end_connection(*context);
    } catch (...) {
      *context = nullptr;  // this connection has no deadline but that of its silence
    }
  }

  static void on_completed(void* argument, MHD_Connection*, void** request, MHD_RequestTerminationCode) {
    const std::unique_ptr<std::shared_ptr<Request>> owned(static_cast<std::shared_ptr<Request>*>(*request));
    *request = nullptr;
    if (owned) self(argument).received_ -= static_cast<int64_t>((*owned)->body.size());
  }

  void begin_connection(MHD_Connection* connection, void** context) {
    auto made = std::make_unique<Connection>(
        Connection{MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                   Clock::now() + limits_.transfer});
    const std::lock_guard lock(mutex_);
    connections_.insert(made.get());
    *context = made.release();
  }

  void end_connection(void* context) {
    const std::unique_ptr<Connection> owned(static_cast<Connection*>(context));
    const std::lock_guard lock(mutex_);
    connections_.erase(owned.get());
  }

  template <typename F>
  void with_connection(MHD_Connection* connection, F&& change) {
    auto* known = static_cast<Connection*>(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
    const std::lock_guard lock(mutex_);
    if (known != nullptr) change(*known);
  }

  bool answers_are_under_way() {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(connections_,
                               [](const Connection* c) { return c->is_filling || c->has_answer; });
  }

  MHD_Result request(MHD_Connection* connection, const char* url, const char* method, const char* data,
                     size_t* data_size, void** context) {
    if (*context == nullptr) {
      auto made = std::make_unique<std::shared_ptr<Request>>(std::make_shared<Request>());
      Request& request = **made;
      *context = made.release();
      return begin_request(connection, request, head_of(connection, url, method));
    }
    const std::shared_ptr<Request> request = *static_cast<std::shared_ptr<Request>*>(*context);
    if (*data_size > 0) return take_body(*request, data, *data_size) ? (*data_size = 0, MHD_YES) : MHD_NO;
    if (!request->answer && request->routed.route == Route::kFill) return start_fill(connection, request);
    if (!request->answer) request->answer = plain_answer(request->routed.route);
    return answer(connection, *request->answer);
  }

  MHD_Result begin_request(MHD_Connection* connection, Request& request, const RequestHead& head) {
    try {
      request.routed = routed(head, port(), limits_.body_bytes);
      if (request.routed.route == Route::kFill && queue_.is_full()) refuse(503, "{}", kBusy);
    } catch (const RequestFault& fault) {
      request.answer = fault_answer(fault);
      if (fault.status() == 405) request.answer->allow = methods_of(head.path);
      // A client that asks first, and one whose body has no end in sight, need not send it.
      const std::string* length = header_named(head, "content-length");
      const bool is_short = length == nullptr ? header_named(head, "transfer-encoding") == nullptr
                                              : std::strtoll(length->c_str(), nullptr, 10) <= kMostForgotten;
      if (!is_short || header_named(head, "expect") != nullptr) return answer(connection, *request.answer);
    }
    return MHD_YES;
  }

  // False: nothing more is taken.
  bool take_body(Request& request, const char* data, size_t size) {
    if (request.answer || request.routed.route != Route::kFill) {
      request.forgotten += static_cast<int64_t>(size);
      return request.forgotten <= kMostForgotten;
    }
    // What the head declared was within the limit, and libmicrohttpd takes no more than was declared.
    received_ += static_cast<int64_t>(size);
    request.body.insert(request.body.end(), data, data + size);
    if (received_ > limits_.bodies_bytes) {
      received_ -= static_cast<int64_t>(request.body.size());
      request.body = {};
      request.answer = fault_answer({429, "too much is being sent at once; try again in a moment"});
    }
    return true;
  }

  // The connection sleeps until its picture is filled.
  MHD_Result start_fill(MHD_Connection* connection, const std::shared_ptr<Request>& request) {
    with_connection(connection, [](Connection& c) { c.is_filling = true; });
    MHD_suspend_connection(connection);
    const auto finish = [connection, request](Answer answer) {
      request->answer = std::move(answer);
      MHD_resume_connection(connection);
    };
    const bool taken = queue_.push(
        {.run = [this, request, finish] { finish(fill_(request->routed.content_type, request->body)); },
         .cancel =
             [finish] {
               finish(fault_answer({503, "the server is stopping"}));
             }});
    if (!taken) finish(fault_answer({503, kBusy}));
    return MHD_YES;
  }

  MHD_Result answer(MHD_Connection* connection, const Answer& answer) {
    with_connection(connection, [this](Connection& c) {
      c.is_filling = false;
      c.has_answer = true;
      c.deadline = Clock::now() + limits_.transfer;
    });
    return send(connection, answer);
  }

  Answer plain_answer(Route route) const {
    return route == Route::kHealth ? Answer{.type = "application/json", .body = health_} : page_answer(route);
  }

  static constexpr const char* kBusy = "the server is busy with other pictures; try again in a moment";

  const ServerLimits limits_;
  const std::string health_;
  const Fill fill_;
  const ListeningSocket socket_;
  FillQueue queue_;
  std::mutex mutex_;
  std::set<Connection*> connections_;  // that are open
  int64_t received_ = 0;               // of all bodies; the serving thread's
  MHD_Daemon* daemon_ = nullptr;
};

HttpServer::HttpServer(int port, const ServerLimits& limits, std::string health, Fill fill)
    : implementation_(std::make_unique<Implementation>(port, limits, std::move(health), std::move(fill))) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return implementation_->port(); }

void HttpServer::drop_overdue() { implementation_->drop_overdue(); }

}  // namespace inpaint
