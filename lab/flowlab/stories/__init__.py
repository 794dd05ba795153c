"""The stories; ALL is the table."""
from . import (accept_queue, apache, behind_proxy, busy_servers, certificates, client_waits, clocks, dns_exercises, dns_faults, dns_mixed, forged_reset, half_broken, hops, integrating, journal_step, long_lived,
               mixes, mtu, names_wrong, nat_crowd, ntp_exercises, ntp_ill, path_troubles, quic, slow_app, ssh_exercises, ssh_logins, ssh_reverse_dns, ssh_waits, state_lost, tcp_limits, tcp_loss,
               tls_failures, tls_path, two_points, unreachable, vanished, web_exercises, web_healthy, web_waits)

ALL = [
    web_healthy.STORY, *web_exercises.STORIES, slow_app.STORY, apache.STORY, tcp_loss.STORY, two_points.STORY, two_points.PLACES, *mtu.STORIES, unreachable.STORY,
    accept_queue.STORY, forged_reset.STORY, tls_failures.STORY, nat_crowd.STORY,
    *ssh_exercises.STORIES, ssh_logins.STORY, ssh_reverse_dns.STORY,
    *dns_exercises.STORIES, *dns_faults.STORIES, dns_mixed.STORY,
    *ntp_exercises.STORIES, *ntp_ill.STORIES,
    *tcp_limits.STORIES, *web_waits.STORIES, *tls_path.STORIES, *ssh_waits.STORIES, *half_broken.STORIES, *clocks.STORIES,
    *hops.STORIES, *client_waits.STORIES, *quic.STORIES,
    *behind_proxy.STORIES, *busy_servers.STORIES, *names_wrong.STORIES, *certificates.STORIES, *state_lost.STORIES, *path_troubles.STORIES, *long_lived.STORIES, *mixes.STORIES,
    journal_step.STORY, integrating.STORY, vanished.STORY,
]


def find(name):
    return next((s for s in ALL if s.name == name), None)
