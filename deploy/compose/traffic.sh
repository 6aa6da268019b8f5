#!/bin/sh
# Some apps of some tenants, with the failures that providers have. Ends with its container.
set -u
weir=http://weir:9346

stream() { # path, model, tenant, then headers that tell the simulated provider what to do
  path=$1 model=$2 tenant=$3
  shift 3
  curl -sN -o /dev/null --max-time 60 "$weir$path" -H "x-tenant: $tenant" \
    -H 'content-type: application/json' "$@" \
    -d "{\"model\":\"$model\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[]}"
}

app() { # tenant
  while true; do
    stream /openai/v1/chat/completions gpt-4o "$1" -H 'x-sim-ttft: 180ms' -H 'x-sim-gap: 60ms'
    stream /anthropic/v1/messages claude-sonnet-4 "$1" -H 'x-sim-ttft: 350ms' -H 'x-sim-gap: 40ms'
    stream /openai/v1/responses gpt-4o "$1" -H 'x-sim-ttft: 90ms' -H 'x-sim-gap: 30ms'
    # An answer that is no stream.
    stream /openai/v1/chat/completions gpt-4o "$1" -H 'x-sim-replay: openai-chat/text.json'
  done
}

app search & app search & app search & app chat & app chat & app batch &
while true; do
  stream /openai/v1/chat/completions gpt-4o chat -H 'x-sim-fault: in-stream-error' -H 'x-sim-fault-after: 4'
  sleep 5
  stream /openai/v1/chat/completions gpt-4o chat -H 'x-sim-status: 429'
  stream /openai/v1/chat/completions gpt-4o batch -H 'x-sim-fault: truncate' -H 'x-sim-gap: 20ms'
  sleep 5
  # A reader that leaves in the middle of an answer.
  stream /openai/v1/chat/completions gpt-4o search -H 'x-sim-gap: 500ms' --max-time 2
  sleep 5
done
