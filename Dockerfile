# The wheel is built and installed in one stage; the other gets the finished environment and no tool to build with.
FROM python:3.13.15-slim-trixie AS build

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY lock lock
COPY src src
COPY domain domain
COPY application application
COPY infrastructure infrastructure

# Every file that comes from elsewhere has a hash in the lock, what the wheel is built with too.
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes -r lock/build.txt \
    && /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels . \
    && python -m venv --without-pip /opt/exitbrain \
    && /build/bin/pip --python /opt/exitbrain/bin/python install --no-cache-dir --require-hashes -r lock/postgres.txt \
    && /build/bin/pip --python /opt/exitbrain/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl \
    && /build/bin/pip --python /opt/exitbrain/bin/python check

FROM python:3.13.15-slim-trixie

RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && useradd --uid 10001 --no-create-home --home-dir /var/lib/exitbrain --shell /usr/sbin/nologin exitbrain \
    && install --directory --owner exitbrain --group exitbrain --mode 0700 /var/lib/exitbrain

COPY --from=build /opt/exitbrain /opt/exitbrain

ENV PATH=/opt/exitbrain/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    EXITBRAIN_HEALTH=0.0.0.0:9464

USER exitbrain
WORKDIR /var/lib/exitbrain
EXPOSE 9464
STOPSIGNAL SIGTERM

# Ready, not live: a container that publishes nothing must not look healthy. Docker restarts none for it.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-I", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9464/healthz/ready', timeout=2)"]

ENTRYPOINT ["exitbrain"]
CMD ["serve"]
