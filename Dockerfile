# The one image of web, worker, beat and the one-shot commands.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --uid 10001 --home-dir /var/lib/furusato --create-home furusato \
 && install -d -o furusato /var/lib/furusato/beat

WORKDIR /src
# What changes seldom comes first, so that a change of code builds in seconds.
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN python -c "import tomllib; print('\n'.join(tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))" \
      > /tmp/requirements.txt \
 && pip install -c constraints.txt -r /tmp/requirements.txt
COPY . .
RUN pip install --no-deps . && rm -rf /src /tmp/requirements.txt

USER furusato
WORKDIR /var/lib/furusato
EXPOSE 8000
ENTRYPOINT ["furusato"]
CMD ["web", "--host", "0.0.0.0"]
