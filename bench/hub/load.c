// One provider and many readers of its streams, for bench/hub/run: checks every byte that arrives,
// and measures how long after it was sent.
//
// load PROVIDER_PORT WEIR_PORT WEIR_PID STREAMS READERS STALLED RATE SECONDS
//
// STREAMS clients ask weir for a stream each, all served by the provider at RATE events a second.
// READERS follow the first of them under /weir/streams/, STALLED more ask and never read. Prints
// one JSON object.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENT = 232, MOST = 4096, BUCKETS = 1 << 20 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int dial(int port, int buffer) {
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (buffer) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  struct sockaddr_in address = loopback(port);
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) die("connect");
  return descriptor;
}

// The provider

static int provider_port, rate, seconds;
static atomic_int served, going;
static atomic_long sent_events;

static void send_all(int descriptor, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = send(descriptor, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes += sent;
    count -= (size_t)sent;
  }
}

static void write_event(char *event, long number) {
  int used = snprintf(event, EVENT, "data: {\"t\":%020llu,\"n\":%010ld,\"x\":\"",
                      (unsigned long long)now(), number);
  memset(event + used, 'x', EVENT - (size_t)used);
  memcpy(event + EVENT - 4, "\"}\n\n", 4);
}

static void *provide(void *unused) {
  (void)unused;
  static int clients[MOST];
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = loopback(provider_port);
  if (bind(listener, (struct sockaddr *)&address, sizeof address)) die("bind");
  listen(listener, 1024);
  atomic_store(&going, 1);
  int wanted = *(int *)unused;
  while (atomic_load(&served) < wanted) {
    int client = accept(listener, NULL, NULL);
    char head[4096];
    if (recv(client, head, sizeof head, 0) <= 0) die("request");
    const char *answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    send_all(client, answer, strlen(answer));
    clients[atomic_fetch_add(&served, 1)] = client;
  }
  while (atomic_load(&going) < 2) usleep(1000);
  uint64_t start = now();
  char chunk[EVENT + 16];
  int head = snprintf(chunk, sizeof chunk, "%x\r\n", EVENT);
  memcpy(chunk + head + EVENT, "\r\n", 2);
  for (long number = 0; number < (long)rate * seconds; number++) {
    uint64_t due = start + (uint64_t)number * 1000000000u / (uint64_t)rate;
    struct timespec until = {.tv_sec = (time_t)(due / 1000000000u),
                             .tv_nsec = (long)(due % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    write_event(chunk + head, number);
    for (int client = 0; client < wanted; client++)
      send_all(clients[client], chunk, (size_t)head + EVENT + 2);
    atomic_fetch_add(&sent_events, wanted);
  }
  for (int client = 0; client < wanted; client++) send_all(clients[client], "0\r\n\r\n", 5);
  return NULL;
}

// The readers

struct reader {
  int descriptor;
  int in_head, in_size, size_digits;
  long chunk_left;   // payload bytes of the chunk, then its CRLF
  long skip;
  char event[EVENT];
  int have;
  long events;
  int bad, ended, is_subscriber;
  char tail[4];
};

static uint32_t latencies[BUCKETS];  // in microseconds
static long measured, wrong;

static void event_came(struct reader *reader, uint64_t at) {
  unsigned long long sent;
  long number;
  if (sscanf(reader->event, "data: {\"t\":%llu,\"n\":%ld", &sent, &number) != 2 ||
      number != reader->events || memcmp(reader->event + EVENT - 4, "\"}\n\n", 4))
    reader->bad = 1;
  reader->events++;
  reader->have = 0;
  if (!reader->is_subscriber || number < rate) return;
  uint64_t late = (at - sent) / 1000;
  latencies[late < BUCKETS ? late : BUCKETS - 1]++;
  measured++;
}

static void take(struct reader *reader, const char *bytes, long count, uint64_t at) {
  for (long index = 0; index < count;) {
    if (reader->in_head) {
      memmove(reader->tail, reader->tail + 1, 3);
      reader->tail[3] = bytes[index++];
      if (!memcmp(reader->tail, "\r\n\r\n", 4)) reader->in_head = 0, reader->in_size = 1;
    } else if (reader->skip > 0) {
      reader->skip--, index++;
      if (reader->skip == 0) reader->in_size = 1, reader->chunk_left = 0;
    } else if (reader->in_size) {
      char byte = bytes[index++];
      if (byte == '\n') {
        reader->in_size = 0;
        if (reader->chunk_left == 0) reader->ended = 1, reader->skip = 2;
      } else if (byte != '\r') {
        int digit = byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10;
        reader->chunk_left = reader->chunk_left * 16 + digit;
      }
    } else {
      long part = count - index;
      if (part > reader->chunk_left) part = reader->chunk_left;
      if (part > EVENT - reader->have) part = EVENT - reader->have;
      memcpy(reader->event + reader->have, bytes + index, (size_t)part);
      reader->have += (int)part;
      reader->chunk_left -= part;
      index += part;
      if (reader->have == EVENT) event_came(reader, at);
      if (reader->chunk_left == 0) reader->skip = 2;
    }
  }
}

static uint64_t cpu_of(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks) die(path);
  uint64_t sum = 0;
  for (struct dirent *task; (task = readdir(tasks));) {
    char name[400];
    unsigned long long spent;
    snprintf(name, sizeof name, "%s/%s/schedstat", path, task->d_name);
    FILE *file = task->d_name[0] == '.' ? NULL : fopen(name, "r");
    if (file && fscanf(file, "%llu", &spent) == 1) sum += spent;
    if (file) fclose(file);
  }
  closedir(tasks);
  return sum;
}

static double percentile(double share) {
  long wanted = (long)((double)measured * share), seen = 0;
  for (int index = 0; index < BUCKETS; index++)
    if ((seen += latencies[index]) > wanted) return index / 1000.0;
  return -1;
}

int main(int count, char **arguments) {
  if (count != 9) return fprintf(stderr, "see the comment at the top\n"), 2;
  int weir_port = atoi(arguments[2]), pid = atoi(arguments[3]), streams = atoi(arguments[4]);
  int readers = atoi(arguments[5]), stalled = atoi(arguments[6]);
  provider_port = atoi(arguments[1]), rate = atoi(arguments[7]), seconds = atoi(arguments[8]);
  static struct reader all[MOST];
  static char request[512], buffer[1 << 16], head[4096];
  pthread_t thread;
  pthread_create(&thread, NULL, provide, &streams);
  while (!atomic_load(&going)) usleep(1000);

  int poller = epoll_create1(0), number = 0;
  char id[33] = "";
  for (; number < streams; number++) {
    int descriptor = dial(weir_port, 0);
    const char *text = "GET /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n\r\n";
    send_all(descriptor, text, strlen(text));
    ssize_t got = 0;
    do {
      got += recv(descriptor, head + got, sizeof head - 1 - (size_t)got, 0);
      head[got] = 0;
    } while (!strstr(head, "\r\n\r\n"));
    char *field = strstr(head, "x-weir-stream: ");
    if (number == 0 && field) memcpy(id, field + 15, 32);
    all[number] = (struct reader){.descriptor = descriptor, .in_size = 1};
  }
  snprintf(request, sizeof request, "GET /weir/streams/%s?after=0 HTTP/1.1\r\nHost: weir\r\n\r\n",
           id);
  for (int index = 0; index < readers; index++, number++) {
    all[number] =
        (struct reader){.descriptor = dial(weir_port, 0), .in_head = 1, .is_subscriber = 1};
    send_all(all[number].descriptor, request, strlen(request));
  }
  for (int index = 0; index < stalled; index++)
    send_all(dial(weir_port, 4096), request, strlen(request));
  for (int index = 0; index < number; index++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[index]};
    epoll_ctl(poller, EPOLL_CTL_ADD, all[index].descriptor, &event);
  }
  sleep(1);
  uint64_t before = cpu_of(pid);
  atomic_store(&going, 2);
  int open = number;
  uint64_t deadline = now() + (uint64_t)(seconds + 20) * 1000000000u;
  while (open > 0 && now() < deadline) {
    struct epoll_event ready[512];
    int found = epoll_wait(poller, ready, 512, 1000);
    for (int index = 0; index < found; index++) {
      struct reader *reader = ready[index].data.ptr;
      ssize_t got = recv(reader->descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) continue;
      if (got > 0) take(reader, buffer, got, now());
      if (got <= 0 || reader->ended) {
        epoll_ctl(poller, EPOLL_CTL_DEL, reader->descriptor, NULL);
        open--;
      }
    }
  }
  uint64_t spent = cpu_of(pid) - before;
  long delivered = 0;
  for (int index = 0; index < number; index++) {
    delivered += all[index].events;
    if (all[index].bad || !all[index].ended || all[index].events != (long)rate * seconds) wrong++;
  }
  printf("{\"streams\":%d,\"readers\":%d,\"stalled\":%d,\"delivered\":%ld,\"wrong\":%ld,"
         "\"cpu_us_per_delivered\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
         streams, readers, stalled, delivered, wrong,
         (double)spent / 1000.0 / (double)(delivered ? delivered : 1), percentile(0.5),
         percentile(0.99), percentile(0.999999));
  return wrong ? 1 : 0;
}
