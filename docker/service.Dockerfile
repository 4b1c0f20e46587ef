# The HTTP service on CPUs: onnxruntime, no torch. Build from the repository's root:
#   docker build -f docker/service.Dockerfile -t audiocnn-service .
# For a model of images or video add --build-arg EXTRAS=serve,vision.
FROM python:3.13-slim AS build
ARG EXTRAS=serve
WORKDIR /src
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY audiocnn audiocnn
RUN /opt/venv/bin/pip install --no-cache-dir -c constraints.txt ".[$EXTRAS]" \
    && /opt/venv/bin/pip uninstall -y pip

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin audiocnn
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY service service
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AUDIOCNN_HOST=0.0.0.0
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["python", "-m", "service"]
