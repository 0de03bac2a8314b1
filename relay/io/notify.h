/* Tells the service manager that the program is ready (systemd's NOTIFY_SOCKET): units of Type=notify wait for it, so that
 * `systemctl start` fails where a configuration or a folder does. Nothing happens where nobody asked. */
#ifndef TOCSIN_IO_NOTIFY_H
#define TOCSIN_IO_NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
