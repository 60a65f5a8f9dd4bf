/* orders.c under other names: whatever is found in it may not depend on what it is called. */
// SPDX-License-Identifier: BSD-2-Clause
#define checksum        f1
#define discount        f2
#define email_is_valid  f3
#define fill_catalogue  f4
#define find_duplicates f5
#define hash_number     f6
#define next_random     f7
#define price_order     f8
#define process_orders  f9
#define receive_orders  f10
#define seconds_now     f11
#define validate_orders f12
#define write_receipt   f13
