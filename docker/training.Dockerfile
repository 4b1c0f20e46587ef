# Training on NVIDIA GPUs. The host needs NVIDIA's driver and container toolkit; CUDA comes with torch's wheel, so the
# base is plain Python and the versions are the ones in constraints.txt. Build from the repository's root:
#   docker build -f docker/training.Dockerfile -t audiocnn-training .
FROM python:3.13-slim
RUN useradd --uid 10001 --create-home audiocnn && python -m venv /opt/venv
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY audiocnn audiocnn
RUN /opt/venv/bin/pip install --no-cache-dir -c constraints.txt '.[train,vision,plots]'
COPY training training
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]
