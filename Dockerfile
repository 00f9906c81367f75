# The image of the site: `make up` runs it with its services, `docker run -p 8000:8000 -v f1stats:/data f1-stats` alone.
# `make rehearse` runs these steps without Docker.

FROM python:3.13-slim-bookworm AS build
WORKDIR /srv/f1stats
COPY requirements.txt ./
RUN python -m venv --without-pip .venv \
    && python -m pip --python .venv/bin/python install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
        --only-binary :all: --no-deps --require-hashes --requirement requirements.txt \
    && python -m pip --disable-pip-version-check --python .venv/bin/python check
COPY . ./
# collectstatic needs a secret key; this one is discarded, each site makes its own at its first start.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" STATIC_ROOT=/srv/f1stats/static \
        DATABASE_URL=sqlite://:memory: .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q -j 0 .

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="F1 Stats" org.opencontainers.image.licenses="MIT"
ENV PATH=/srv/f1stats/.venv/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp DATA_ROOT=/data STATIC_ROOT=/srv/f1stats/static
WORKDIR /srv/f1stats
COPY --from=build /srv/f1stats ./
# 65534 is the user nobody on every Linux distribution.
RUN mkdir /data && chown 65534:65534 /data
USER 65534:65534
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "tools/container/healthy.py"]
ENTRYPOINT ["tools/container/entrypoint"]
CMD ["web"]
