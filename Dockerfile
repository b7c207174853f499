# The wheel is built and installed in one stage; the other gets the finished environment and no tool to build with.
FROM python:3.13.12-slim-bookworm AS build

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
COPY domain domain
COPY application application
COPY infrastructure infrastructure

# setuptools comes from the constraints too, so that a build depends on nothing that was not tested.
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir -c constraints.txt setuptools \
    && /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation -w /wheels . \
    && python -m venv --without-pip /opt/exitbrain \
    && /build/bin/pip --python /opt/exitbrain/bin/python install --no-cache-dir --only-binary :all: \
        -c constraints.txt "exitbrain[postgres] @ file://$(ls /wheels/exitbrain-*.whl)"

FROM python:3.13.12-slim-bookworm

RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && useradd --uid 10001 --no-create-home --home-dir /var/lib/exitbrain --shell /usr/sbin/nologin exitbrain \
    && install --directory --owner exitbrain --group exitbrain /var/lib/exitbrain

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
