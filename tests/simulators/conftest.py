from old_python import WHERE

collect_ignore = [] if WHERE else ["test_live_old_python.py"]
