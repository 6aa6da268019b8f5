// One provider and many readers of its streams, for bench/hub/run: checks every byte that arrives,
// and measures how long after it was sent.
//
// load PROVIDER_PORT WEIR_PORT WEIR_PID STREAMS READERS STALLED RATE SECONDS PAIRS
//
// STREAMS clients ask weir for a stream each, all served by the provider at RATE events a second.
// READERS follow the first of them under /weir/streams/, STALLED more ask and never read. With PAIRS
// other than 0 these come and go: the time after the first second is divided into so many pairs of
// phases, one without them and one with, in the order of ABBA, so that what drifts or hiccups touches
// both alike; then `p99_ms_without` and `_with` are of all phases of a kind together, and `ratio` has
// the second over the first, and between what bounds it lies in 95 % of draws of as many pairs from
// these. Prints one JSON object.

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

enum { EVENT = 232, MOST = 4096, BUCKETS = 1 << 20, PHASES = 512, FINE = 14 * 256 };

// With PAIRS, so many events come first, which readers do not ask for: a reader that stalls is sent
// them at once, until the kernel takes no more for it, which is after some three megabytes.
enum { BACKLOG = 16000 };

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

static int provider_port, rate, seconds, pairs;
static long backlog;
static _Atomic uint64_t began;
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
  char chunk[EVENT + 16];
  int head = snprintf(chunk, sizeof chunk, "%x\r\n", EVENT);
  memcpy(chunk + head + EVENT, "\r\n", 2);
  for (long number = 0; number < backlog; number++) {
    write_event(chunk + head, number);
    send_all(clients[0], chunk, (size_t)head + EVENT + 2);
  }
  while (atomic_load(&going) < 2) usleep(1000);
  uint64_t start = now();
  atomic_store(&began, start);
  for (long number = 0; number < (long)rate * seconds; number++) {
    uint64_t due = start + (uint64_t)number * 1000000000u / (uint64_t)rate;
    struct timespec until = {.tv_sec = (time_t)(due / 1000000000u),
                             .tv_nsec = (long)(due % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    write_event(chunk + head, backlog + number);
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
  long events, first;
  int bad, ended, is_subscriber;
  char tail[4];
};

static uint32_t latencies[BUCKETS];  // in microseconds
static long measured, wrong;

// Phases: 2n and 2n+1 are a pair; readers that stall are there in the second of an even pair and in
// the first of an odd one.
static uint32_t phase_latencies[PHASES][FINE];

static const uint64_t SETTLING = 200000000u;  // of a phase, not counted

// Buckets of a microsecond up to 256, then of 1/256 of what they begin with.
static int fine_bucket(uint64_t microseconds) {
  int shift = 0;
  while (microseconds >> shift >= 512) shift++;
  if (microseconds < 256) return (int)microseconds;
  int bucket = 256 + shift * 256 + (int)(microseconds >> shift) - 256;
  return bucket < FINE ? bucket : FINE - 1;
}

static double fine_milliseconds(int bucket) {
  if (bucket < 256) return bucket / 1000.0;
  return (double)((uint64_t)(bucket % 256 + 256) << (bucket / 256 - 1)) / 1000.0;
}

static uint64_t phase_length(void) {
  return (uint64_t)(seconds - 1) * 1000000000u / (uint64_t)(2 * pairs);
}

// The phase at a moment, -1 for none; and how long it has lasted.
static int phase_at(uint64_t at, uint64_t *into) {
  uint64_t start = atomic_load(&began) + 1000000000u;
  if (!pairs || !atomic_load(&began) || at < start) return -1;
  uint64_t phase = (at - start) / phase_length();
  *into = (at - start) % phase_length();
  return phase < (uint64_t)(2 * pairs) ? (int)phase : -1;
}

static int is_stalling(int phase) { return phase >= 0 && ((phase & 1) ^ (phase >> 1 & 1)); }

static void event_came(struct reader *reader, uint64_t at) {
  unsigned long long sent;
  long number;
  if (sscanf(reader->event, "data: {\"t\":%llu,\"n\":%ld", &sent, &number) != 2 ||
      number != reader->events || memcmp(reader->event + EVENT - 4, "\"}\n\n", 4))
    reader->bad = 1;
  reader->events++;
  reader->have = 0;
  if (!reader->is_subscriber || number < reader->first + rate) return;
  uint64_t late = (at - sent) / 1000, into = 0;
  int phase = phase_at(sent, &into);
  if (phase >= 0 && into >= SETTLING) {
    phase_latencies[phase][fine_bucket(late)]++;
  }
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

// The p99 of the phases of these pairs together, those with readers that stall or those without.
static double p99_of(const int *chosen, int stalling) {
  static uint32_t sum[FINE];
  memset(sum, 0, sizeof sum);
  long total = 0, seen = 0;
  for (int pair = 0; pair < pairs; pair++) {
    int phase = 2 * chosen[pair];
    if (is_stalling(phase) != stalling) phase++;
    for (int index = 0; index < FINE; index++) sum[index] += phase_latencies[phase][index];
  }
  for (int index = 0; index < FINE; index++) total += sum[index];
  for (int index = 0; index < FINE; index++)
    if ((seen += sum[index]) > total * 99 / 100) return fine_milliseconds(index);
  return -1;
}

static int ascending(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return (difference > 0) - (difference < 0);
}

static void print_ratio(void) {
  enum { DRAWS = 1000 };
  static double ratios[DRAWS];
  int chosen[PHASES / 2];
  uint64_t state = 1;
  for (int draw = 0; draw < DRAWS; draw++) {
    for (int pair = 0; pair < pairs; pair++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      chosen[pair] = (int)((state >> 33) % (uint64_t)pairs);
    }
    ratios[draw] = p99_of(chosen, 1) / p99_of(chosen, 0);
  }
  qsort(ratios, DRAWS, sizeof *ratios, ascending);
  for (int pair = 0; pair < pairs; pair++) chosen[pair] = pair;
  double without = p99_of(chosen, 0), with = p99_of(chosen, 1);
  printf(",\"p99_ms_without\":%.3f,\"p99_ms_with\":%.3f,\"ratio\":[%.3f,%.3f,%.3f]", without, with,
         with / without, ratios[DRAWS / 40], ratios[DRAWS - DRAWS / 40 - 1]);
}

int main(int count, char **arguments) {
  if (count != 10) return fprintf(stderr, "see the comment at the top\n"), 2;
  int weir_port = atoi(arguments[2]), pid = atoi(arguments[3]), streams = atoi(arguments[4]);
  int readers = atoi(arguments[5]), stalled = atoi(arguments[6]);
  provider_port = atoi(arguments[1]), rate = atoi(arguments[7]), seconds = atoi(arguments[8]);
  pairs = atoi(arguments[9]);
  backlog = pairs ? BACKLOG : 0;
  if (stalled > MOST || pairs > PHASES / 2) return fprintf(stderr, "too many\n"), 2;
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
    char *body = strstr(head, "\r\n\r\n") + 4;
    take(&all[number], body, got - (body - head), now());
  }
  while (all[0].events < backlog) {
    ssize_t got = recv(all[0].descriptor, buffer, sizeof buffer, 0);
    if (got <= 0) die("backlog");
    take(&all[0], buffer, got, now());
  }
  all[0].first = backlog;
  static char stalling[512];
  const char *form = "GET /weir/streams/%s?after=%ld HTTP/1.1\r\nHost: weir\r\n\r\n";
  snprintf(request, sizeof request, form, id, backlog);
  snprintf(stalling, sizeof stalling, form, id, 0L);
  for (int index = 0; index < readers; index++, number++) {
    all[number] =
        (struct reader){.descriptor = dial(weir_port, 0), .in_head = 1, .is_subscriber = 1,
                        .events = backlog, .first = backlog};
    send_all(all[number].descriptor, request, strlen(request));
  }
  static int idle[MOST];
  int are_stalling = !pairs;
  for (int index = 0; are_stalling && index < stalled; index++)
    send_all(idle[index] = dial(weir_port, 4096), stalling, strlen(stalling));
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
    int found = epoll_wait(poller, ready, 512, pairs ? 10 : 1000);
    uint64_t into;
    if (pairs && are_stalling != is_stalling(phase_at(now(), &into))) {
      are_stalling = !are_stalling;
      for (int index = 0; index < stalled; index++) {
        if (are_stalling)
          send_all(idle[index] = dial(weir_port, 4096), stalling, strlen(stalling));
        else
          close(idle[index]);
      }
    }
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
    delivered += all[index].events - all[index].first;
    if (all[index].bad || !all[index].ended ||
        all[index].events != backlog + (long)rate * seconds)
      wrong++;
  }
  printf("{\"streams\":%d,\"readers\":%d,\"stalled\":%d,\"delivered\":%ld,\"wrong\":%ld,"
         "\"cpu_us_per_delivered\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f",
         streams, readers, stalled, delivered, wrong,
         (double)spent / 1000.0 / (double)(delivered ? delivered : 1), percentile(0.5),
         percentile(0.99), percentile(0.999999));
  if (pairs) print_ratio();
  printf("}\n");
  return wrong ? 1 : 0;
}
