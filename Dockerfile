# pytc in a container:
#
#   docker build -t pytc .
#   docker run --rm --privileged --network host -v /sys/fs/bpf:/sys/fs/bpf pytc filter show dev eth0 ingress
#
# Programs are loaded into the host's kernel, so the container needs its capabilities and its network namespace.
FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY docs docs
RUN python -m pip install --no-cache-dir --prefix=/pytc .

FROM python:3.13-slim-trixie
# libpcap compiles tcpdump's expressions; binutils disassembles machine code.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpcap0.8t64 binutils \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /pytc /usr/local
ENTRYPOINT ["pytc"]
CMD ["help"]
