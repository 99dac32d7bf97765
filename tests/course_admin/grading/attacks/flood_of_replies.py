# Tries: to fill the grader's memory with replies that nobody waits for.
# Expect: double review, largest review
# Reason: MB
# %%
import time

import zmq

kernel = get_ipython().kernel
for _ in range(50):
    kernel.shell_stream.socket.send_multipart(
        [*kernel._shell_parent_ident.get(), b"x" * (2 << 20)], zmq.NOBLOCK
    )
time.sleep(2)
