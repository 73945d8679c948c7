"""Ten threads read from a pipe, five wait for a lock that is taken, one sleeps: says how many there are."""
import os
import threading
import time

inlet, _outlet = os.pipe()
lock = threading.Lock()
lock.acquire()
for _ in range(10):
    threading.Thread(target=os.read, args=(inlet, 1), daemon=True).start()
for _ in range(5):
    threading.Thread(target=lock.acquire, daemon=True).start()
print(threading.active_count(), flush=True)
print("ready", flush=True)
time.sleep(3600)
