"""`python -m training`: train, cross-validate, evaluate, and the baseline to beat."""

from training.malloc import keep_memory

keep_memory()  # before torch is imported

from training.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
